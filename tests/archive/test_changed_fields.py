"""One field of one message of a healthy recording is changed: the books stay the truth, or it is said.

`CHANGED_FIELD_TRIALS=10000 bin/run-tests tests/archive/test_changed_fields.py` tries more than the suite has time for.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

import pytest

from common.archive.ledger import HourAccount
from common.archive.replay import Replay
from common.core.books.book import Book
from common.core.books.hash import ANY_PRICE, USUAL_TERMS, matched
from common.core.ledger.document import FeedLedger, Window
from common.core.ledger.later import Later
from common.core.recipes.recipe import KNOWN_RECIPES
from common.core.rows.names import WS_RAW
from common.core.rows.reading import row_of
from tests.archive.changes import KEYS, VALUES, changed
from tests.archive.markets import BATCHES, MS, Books, World, levels_of, rows_of, world

TRIALS = int(os.environ.get("CHANGED_FIELD_TRIALS", "150"))
WAYS = (*VALUES, *KEYS)
CHANGED_PART = 0.5  # of the messages, from the first on: behind it is time to find out


class Read:
    """What every reader of the recording makes of it: the replayed books after each message, and the ledger."""

    def __init__(self, messages: Sequence[tuple[int, bytes]], of: World) -> None:
        start_ns = messages[0][0] * MS - MS
        account = HourAccount(Window(start_ns, messages[-1][0] * MS + 50 * MS))
        replay = Replay()
        self.wrong: list[
            tuple[int, str]
        ] = []  # message and token of each book that is not the truth after its batch
        self.agreeing: list[tuple[int, str]] = []  # those of them that give the stated hash
        self._wrong_now: dict[str, tuple[int, tuple[int, str]]] = {}
        number = -1
        for line in rows_of(messages, of.tokens):
            row = row_of(line)
            account.take(WS_RAW, row)
            steps = list(replay.take(row))
            if row.record_type == "message":
                number += 1
                self._compare(number, of.truths[number], steps[-1].books.by_token.values())
        self.wrong += [(number, token_id) for token_id, (number, _) in self._wrong_now.items()]
        ledger = account.finish(Later(), (), ())[WS_RAW]
        assert isinstance(ledger, FeedLedger)
        self.ledger = ledger

    def _compare(self, number: int, truth: Books, books: Iterable[Book]) -> None:
        for book in list(books):  # one of a token that nobody asked for is nothing to go wrong with
            if book.token_id not in truth:
                continue
            state = (book.timestamp_ms, book.hash)
            before = self._wrong_now.pop(book.token_id, None)
            if before is not None and before[1] != state:
                self.wrong.append((before[0], book.token_id))
            if levels_of(book) != truth[book.token_id]:
                self._wrong_now[book.token_id] = number, state  # within its batch it may still become right
                if matched(book, USUAL_TERMS, KNOWN_RECIPES[:1], ("", *ANY_PRICE), any_tick=True) is not None:
                    self.agreeing.append((number, book.token_id))

    def says(self, token_id: str) -> bool:
        """Whether the ledger has something against the token's book, or checks that could not be made."""
        return any(
            each.divergences or each.wrong_batches or each.unusable_events or each.not_checkable
            for each in self.ledger.tokens
            if each.token_id == token_id
        )


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_unchanged_recording_is_the_truth_and_nothing_is_said_against_it(number: int) -> None:
    read = Read(world(number).messages, world(number))
    assert read.wrong == []
    assert read.ledger.unusable == ()
    assert not any(read.says(token.token_id) for token in world(number).tokens)
    assert read.ledger.checks_passed > BATCHES


@pytest.mark.unmeasured(here=True)
def test_a_changed_field_leaves_the_books_right_or_is_told() -> None:
    chance = Random(20261129)
    outcomes: Counter[str] = Counter()
    silent = []
    for trial in range(TRIALS):
        of, way = world(trial % 3), WAYS[trial % len(WAYS)]
        at = chance.randrange(int(len(of.messages) * CHANGED_PART)) if trial % 7 else 0
        payload = changed(of.messages[at][1], way, chance)
        messages = [*of.messages[:at], (of.messages[at][0], payload), *of.messages[at + 1 :]]
        read = Read(messages, of)
        assert read.agreeing == [], (way, payload)
        untold = {token_id for _, token_id in read.wrong if not read.says(token_id)}
        silent += [(trial, way, at, payload[:400])] if untold else []
        outcomes[
            "wrong and told" if read.wrong else "right" if not read.ledger.unusable else "not known"
        ] += 1
    assert silent == []
    assert min(outcomes[kind] for kind in ("right", "not known", "wrong and told")) > TRIALS / 50, outcomes
