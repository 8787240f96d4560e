"""What comes of one lost message: the book that is rebuilt without it beside the truth, and what the checks say."""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Literal, NamedTuple

from common.core.audit.connections import BookAudit
from common.core.audit.heard import Heard
from common.core.audit.results import Result
from common.core.events.market_events import BookSnapshot, MarketEvent, PriceChange
from common.core.events.reader import read_events
from tests.archive.markets import MS, PRODUCER, World, levels_of

Outcome = Literal["right", "divergence", "healed", "unknown", "silent"]
QUIET_MS = 2_000  # behind this much of a right book and no word, nothing more is said of a lost message
READ_MS = 30  # after the exchange's own time


class Message(NamedTuple):
    """One message, read; `told` are the tokens of which it is the last one with the hash that it states."""

    number: int
    at_ms: int
    events: tuple[MarketEvent, ...]
    tokens: frozenset[str]
    told: frozenset[str]

    @property
    def is_change(self) -> bool:
        return any(isinstance(event, PriceChange) for event in self.events)


class Dropped(NamedTuple):
    """What came of a drop. `wrong_ms`: until the books were right, or had diverged, which brings new ones live.

    `unknown`: a hash was not checkable, which none of the healthy recording is, or the book is not known.
    `untold_hashes`: of books against which nothing was said, how often one was wrong when all of a batch had come,
    with its hash; `untold_at_end`: those that were still wrong when the recording was over.
    """

    outcome: Outcome
    wrong_ms: int
    untold_hashes: int
    untold_at_end: int
    false_alarms: int


def messages_of(of: World) -> list[Message]:
    """The messages of a recording, each read once."""
    read = [tuple(read_events(payload)) for _, payload in of.messages]
    stated = [set(_stated(events)) for events in read]
    last = {each: number for number, all_of_it in enumerate(stated) for each in all_of_it}
    return [
        Message(
            number,
            at_ms,
            events,
            frozenset(token_id for token_id, _, _ in all_of_it),
            frozenset(each[0] for each in all_of_it if last[each] == number),
        )
        for number, ((at_ms, _), events, all_of_it) in enumerate(zip(of.messages, read, stated, strict=True))
    ]


def _stated(events: Sequence[MarketEvent]) -> Iterator[tuple[str, int, str]]:
    for event in events:
        if isinstance(event, BookSnapshot):
            yield event.token_id, event.timestamp_ms, event.hash
        elif isinstance(event, PriceChange):
            for change in event.changes:
                yield change.token_id, event.timestamp_ms, change.hash or ""


def hear(audit: BookAudit, message: Message, sequence: int) -> list[Result]:
    """Let the checks hear a message as the one of this number of its session; what they say."""
    heard = Heard(PRODUCER, "c1", sequence, (message.at_ms + READ_MS) * MS)
    audit.message(heard, message.events)
    return [judged.result for judged in audit.take_results()]


def is_alarm(result: Result) -> bool:
    """Whether a result says that a book is wrong, or was."""
    return result.verdict == "divergence" or result.wrong_batches > 0


def drop(before: BookAudit, messages: Sequence[Message], at: int, of: World) -> Dropped:
    """What comes of it that a message is lost; `before` has heard all that came before it, and stays as it is."""
    return _Trial(deepcopy(before), messages[at], of).run(messages[at + 1 :])


class _Trial:
    def __init__(self, audit: BookAudit, lost: Message, of: World) -> None:
        self._audit, self._lost, self._of = audit, lost, of
        self._said: list[Result] = []
        self._false_alarms = self._wrong_ms = 0
        self._ever_wrong = False
        self._unknown: set[str] = set()
        self._wrong_hashes: Counter[str] = Counter()
        self._wrong = self._wrong_now(lost.number)
        self._at_ms = lost.at_ms

    def run(self, rest: Sequence[Message]) -> Dropped:
        quiet_since_ms = self._lost.at_ms
        for message in rest:
            self._wrong_ms += message.at_ms - self._at_ms if self._wrong else 0
            self._ever_wrong |= bool(self._wrong)
            self._at_ms = message.at_ms
            self._hear(message)
            if self._wrong:
                quiet_since_ms = message.at_ms
            if self._found or message.at_ms - quiet_since_ms > QUIET_MS:
                break
        told = {each.token_id for each in self._said} | self._unknown
        untold_hashes = sum(count for token_id, count in self._wrong_hashes.items() if token_id not in told)
        return Dropped(
            self._outcome(), self._wrong_ms, untold_hashes, len(self._wrong - told), self._false_alarms
        )

    def _hear(self, message: Message) -> None:
        results = hear(self._audit, message, message.number)
        self._unknown |= {
            each.token_id for each in results if each.check == "hash" and each.verdict == "not_checkable"
        }
        self._unknown |= {token_id for _, _, token_id, _ in self._audit.unknown_books()}
        said = [each for each in results if is_alarm(each)]
        self._said += [each for each in said if each.token_id in self._lost.tokens]
        self._false_alarms += sum(each.token_id not in self._lost.tokens for each in said)
        if message.tokens & self._lost.tokens:
            self._wrong = self._wrong_now(message.number)
            self._wrong_hashes.update(self._wrong & message.told)

    def _wrong_now(self, number: int) -> set[str]:
        """The tokens whose books are there, and not the truth after a message."""
        truth = self._of.truths[number]
        shown = {each: self._audit.shown(each) for each in self._lost.tokens}
        books = {each: None if of is None else of.book for each, of in shown.items()}
        return {
            token_id
            for token_id, book in books.items()
            if book is not None and levels_of(book) != truth[token_id]
        }

    @property
    def _found(self) -> bool:
        """Whether all the books that are wrong have diverged: live, new ones are asked for."""
        diverged = {each.token_id for each in self._said if each.verdict == "divergence"}
        return bool(diverged) and diverged >= self._wrong

    def _outcome(self) -> Outcome:
        if not self._ever_wrong:
            self._false_alarms += len(self._said)
            return "unknown" if self._unknown else "right"
        if any(each.verdict == "divergence" for each in self._said):
            return "divergence"
        return "healed" if self._said else "unknown" if self._unknown else "silent"
