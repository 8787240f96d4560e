"""What comes of the checks while recording: divergences, wishes for what heals, and proof that a feed is frozen."""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from common.core.audit.confirmations import Confirmations, Confirmed
from common.core.audit.connections import BookAudit
from common.core.audit.divergence import Divergence, OtherLeg, divergence_of
from common.core.audit.frozen import Evidence, FrozenWatch
from common.core.audit.heard import Heard, Judged, Shown
from common.core.audit.observed import Observed
from common.core.audit.results import Result
from common.core.audit.unknown_books import FIRST_ASKED_NS, SnapshotsAsked, Unknown
from common.core.audit.wishes import Action, Healing, Wish, stale_wish
from common.core.books.checkpoint import same_levels
from common.core.books.continuity import Break
from common.core.events.not_understood import NotUnderstood
from common.core.events.reader import read_events
from common.core.events.rest_answer import read_answer
from common.core.recipes.account import RecipeAccount
from common.core.rows.origin import Leg, leg_in_name
from common.core.rows.reading import Row

_REQUESTS_KEPT = 100  # checkpoints whose results may still come
ASK_UNHEARD_NS = 1_000_000_000
UNHEARD_AT_ONCE = (
    5  # tokens a second whose snapshots are asked for, so that wishes are not too many to be kept
)
SNAPSHOT_WITHIN_NS = 10_000_000_000  # after which a connection is replaced without it


class Audit:
    """Hears every reader's connection, and tells what is wished of it."""

    def __init__(self, silence_ns: int, not_understood: NotUnderstood | None = None) -> None:
        """`silence_ns`: a stream that was not silent for so long cannot be proved frozen.

        `not_understood`: what a predecessor counted.
        """
        self.observed: Observed | None = None  # only while there is an observer
        self._books = BookAudit(not_understood=not_understood)
        self._frozen = FrozenWatch(silence_ns)
        self._healing = Healing()
        self._confirmations = Confirmations()
        self._agreed_ms: dict[
            tuple[str, str], int
        ] = {}  # by reader and token: the exchange's time of the newest state that was proved
        self._requested_ns: dict[int, int] = {}  # by checkpoint sequence, wall time
        self._last_market_data_ns: dict[str, int] = {}  # wall time, of the present session
        self._results: list[Result] = []
        self._asked = SnapshotsAsked()
        self._ask_unheard_ns = 0
        self._divergences: list[Divergence] = []
        self._replacing: dict[
            tuple[str, str], tuple[Judged, int]
        ] = {}  # by reader and token: the divergence, and until when to wait

    @property
    def recipes(self) -> RecipeAccount:
        """The hash recipes, and what they have shown."""
        return self._books.recipes

    @property
    def books(self) -> int:
        """Tokens with a book now."""
        return self._books.books

    def shown(self, token_id: str) -> Shown | None:
        """The book of a token and whose it is; None where no reader has one now."""
        return self._books.shown(token_id)

    @property
    def confirmed(self) -> dict[str, Confirmed]:
        """By reader: until when checkpoints confirm the books of its session."""
        return self._confirmations.confirmed

    @property
    def not_understood(self) -> NotUnderstood:
        """What passed and could not be used, or was read from another form."""
        return self._books.not_understood

    def unknown_books(self) -> dict[str, Unknown]:
        """Why each token has no book on either leg, voided by something unreadable, by token id."""
        return {
            token_id: unknown
            for _, _, token_id, unknown in self._books.unknown_books()
            if not self._books.readers_with(token_id)
        }

    @property
    def unhealed(self) -> int:
        """Tokens that diverged and have not agreed since."""
        return self._healing.unhealed

    def message(
        self, heard: Heard, received_monotonic_ns: int, payload: bytes, *, is_market_data: bool = True
    ) -> None:
        """A message of the websocket passed; whether it shows that the subscribed tokens are alive."""
        if heard.session_id != self._books.session_of(heard.reader):
            self._last_market_data_ns[heard.reader] = 0
        events = read_events(payload)
        if self.observed is not None:
            self.observed.message(heard, events)
        self._note(heard.reader, self._books.message(heard, events))
        if is_market_data:
            self._last_market_data_ns[heard.reader] = heard.received_at_ns
            self._frozen.data_came(heard.reader, heard.session_id, received_monotonic_ns)

    def subscribed(self, heard: Heard, token_ids: Iterable[str]) -> None:
        """What the session of a message is subscribed to from that message on."""
        followed = tuple(token_ids)
        self._books.subscribed(heard, followed)
        self._forget_others(heard.reader, frozenset(followed))

    def _forget_others(self, reader: str, followed: Collection[str]) -> None:
        """What is known of tokens that a reader follows no more would pile up, window after window."""
        for book in [each for each in self._agreed_ms if each[0] == reader and each[1] not in followed]:
            del self._agreed_ms[book]
        self._healing.follows(reader, followed)
        self._asked.follows(reader, followed)

    def never_checked(self, now_ns: int) -> int:
        """Tokens of which no check could be made since they were subscribed, a while ago."""
        return self._books.never_checked(now_ns)

    def life_cycle(self, reader: str, row: Row) -> None:
        """A life-cycle row of a reader passed."""
        before = self._books.session_of(reader)
        broken = self._books.life_cycle(reader, row.record_type, row.session_id, row.detail)
        for token_id in (broken.token_ids or ()) if broken is not None else ():
            self._healing.dropped(reader, token_id)
        self._note(reader, broken)
        if self._books.session_of(reader) != before:
            self._last_market_data_ns[reader] = 0

    def thin_out(self, every_ms: int) -> None:
        """Check a hash of each token at most so often; 0 is every one."""
        self._books.thin_out(every_ms)

    def void(self) -> None:
        """Messages of all readers pass unheard from here on."""
        for reader in self._books.readers:
            self._frozen.unknown(reader)
            self._confirmations.dropped(reader, None)
        self._books.void()

    def _note(self, reader: str, broken: Break | None) -> None:
        if broken is None:
            return
        self._confirmations.dropped(reader, broken.token_ids)
        for token_id in broken.token_ids or ():
            self._agreed_ms.pop((reader, token_id), None)
        if broken.token_ids is None:
            self._frozen.unknown(reader)

    def checkpoint(self, row: Row, received_monotonic_ns: int) -> None:
        """A REST row passed."""
        if row.error is None:
            self._confirmations.left_out(row.missing_token_ids)
        self._requested_ns[row.checkpoint_sequence] = row.requested_at_ns
        while len(self._requested_ns) > _REQUESTS_KEPT:
            del self._requested_ns[next(iter(self._requested_ns))]
        answer = read_answer(row.payload_json)
        self._books.unreadable(answer, row.checkpoint_sequence)
        for shown in answer.books:
            for reader, book in self._books.checkpoint(shown, row.checkpoint_sequence):
                self._confirmations.shown(reader, self._books.session_of(reader), shown.token_id)
                if same_levels(book, shown.book()):
                    continue
                evidence = Evidence(shown.token_id, shown.timestamp_ms, book.timestamp_ms)
                self._frozen.checkpoint_came(reader, evidence, received_monotonic_ns)

    # What comes of it

    def judge(self, now_ns: int, now_monotonic_ns: int) -> list[Wish]:
        """The wishes that are due, each without a number yet. Times are of now: wall and monotonic."""
        wishes: list[Wish] = []
        for judged in self._books.take_results():
            self._results.append(judged.result)
            self._confirm(judged)
            wishes += self._heal(judged, now_ns, now_monotonic_ns)
        for judged in self._books.take_settled():
            if self._replacing.pop((judged.reader, judged.result.token_id), None) is not None:
                wishes.append(self._wish(judged, "replace"))
        wishes += self._overdue(now_monotonic_ns)
        wishes += self._unknown(now_ns, now_monotonic_ns)
        wishes += self._unheard(now_ns, now_monotonic_ns)
        for reader, session_id, evidence in self._frozen.proved(now_monotonic_ns):
            wishes.append(stale_wish(reader, session_id, evidence, self._last_market_data_ns[reader]))
        return wishes

    def _confirm(self, judged: Judged) -> None:
        reader, session_id, result = judged
        if result.verdict in {"agree", "agree_late"} and result.check in {"hash", "checkpoint"}:
            book = reader, result.token_id
            self._agreed_ms[book] = max(result.timestamp_ms, self._agreed_ms.get(book, 0))
        if result.check == "checkpoint" and result.verdict == "agree":
            requested_ns = self._requested_ns.get(result.checkpoint_sequence or 0, 0)
            self._confirmations.agreed(reader, session_id, result.token_id, requested_ns)

    def _unknown(self, now_ns: int, now_monotonic_ns: int) -> Iterator[Wish]:
        """A book that something unreadable has voided is known again with a new snapshot."""
        for reader, session_id, token_id, unknown in self._books.unknown_books():
            if self._asked.is_due((reader, token_id), now_ns - unknown.since_ns, now_monotonic_ns):
                why = f"the book is not known: {unknown.reason} cannot be read"
                yield Wish(0, reader, session_id, "resubscribe", token_id, why)

    def _unheard(self, now_ns: int, now_monotonic_ns: int) -> Iterator[Wish]:
        """A quiet book whose snapshot passed unheard would never be checked without a new one."""
        if now_monotonic_ns < self._ask_unheard_ns:
            return
        self._ask_unheard_ns = now_monotonic_ns + ASK_UNHEARD_NS
        asked = 0
        for reader, session_id, token_id in self._books.unheard_books(now_ns):
            if asked < UNHEARD_AT_ONCE and self._asked.is_due(
                (reader, token_id), FIRST_ASKED_NS, now_monotonic_ns
            ):
                asked += 1
                yield Wish(0, reader, session_id, "resubscribe", token_id, "its snapshot passed unheard")

    def _heal(self, judged: Judged, now_ns: int, now_monotonic_ns: int) -> list[Wish]:
        """A divergence is found, whatever becomes of it, and healed."""
        result = judged.result
        agrees = result.verdict in {"agree", "agree_late"} and not result.of_snapshot
        if agrees and self._healing.unhealed:
            self._healing.agreed(judged.reader, result.token_id, result.check)
        if result.verdict != "divergence":
            return []
        self._divergences.append(self._divergence(judged, now_ns))
        action = self._healing.diverged(judged.reader, result.token_id, result.check, now_monotonic_ns)
        if action is None:
            return []
        if (
            action == "replace"
        ):  # once a snapshot is recorded that shows what is wrong: the book ends with its session
            self._replacing[judged.reader, result.token_id] = judged, now_monotonic_ns + SNAPSHOT_WITHIN_NS
        return [self._wish(judged, "resubscribe")]

    def _overdue(self, now_ns: int) -> list[Wish]:
        late = [book for book, (_, until_ns) in self._replacing.items() if now_ns >= until_ns]
        return [self._wish(self._replacing.pop(book)[0], "replace") for book in late]

    def _wish(self, judged: Judged, action: Action) -> Wish:
        reader, session_id, result = judged
        proved_ns = self._agreed_ms.get((reader, result.token_id), 0) * 1_000_000
        good_until_ns = max(proved_ns, self._confirmations.until_ns(reader, result.token_id))
        about = (0, reader, session_id, action, result.token_id, result.reason)
        return Wish(*about, good_until_ns=good_until_ns, diverged=True)

    def _divergence(self, judged: Judged, now_ns: int) -> Divergence:
        leg = leg_in_name(judged.reader)
        found = divergence_of(judged.session_id, judged.result, found_ns=now_ns)
        return msgspec.structs.replace(found, leg=leg, other_leg=self._other_leg(leg, judged.result))

    def _other_leg(self, leg: Leg, result: Result) -> OtherLeg | None:
        """How the book of the other leg does, `unknown` before it was proved as late; None where there is none."""
        others = [name for name in self._books.readers_with(result.token_id) if leg_in_name(name) != leg]
        if not others:
            return None
        if any(self._healing.has_diverged(name, result.token_id) for name in others):
            return "diverged"
        proved_ms = max(self._agreed_ms.get((name, result.token_id), 0) for name in others)
        return "agrees" if proved_ms >= result.timestamp_ms else "unknown"

    def take_results(self) -> list[Result]:
        """All results since the last call."""
        results, self._results = self._results, []
        return results

    def take_divergences(self) -> list[Divergence]:
        """The divergences found since the last call, none of them with a number yet."""
        found, self._divergences = self._divergences, []
        return found
