"""One field of one message of a healthy recording is changed: the books stay the truth, or it is said.

`CHANGED_FIELD_TRIALS=10000 bin/run-tests tests/archive/test_changed_fields.py` tries more than the suite has time for.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from random import Random
from typing import Any

import pytest

from common.archive.ledger import HourAccount
from common.archive.replay import Replay
from common.core.books.book import Book
from common.core.books.hash import ANY_PRICE, USUAL_TERMS, matched
from common.core.envelope import MESSAGE, Envelope
from common.core.ledger.document import FeedLedger, Window
from common.core.ledger.later import Later
from common.core.market import Token
from common.core.recipes.recipe import KNOWN_RECIPES
from common.core.row_check import read_row
from common.core.rows.names import WS_RAW
from common.core.rows.reading import row_of
from common.core.rows.websocket import (
    SESSION_CLOSED,
    SESSION_OPENED,
    control_row,
    message_constant,
    message_rest,
)
from common.polymarket.classify import classify
from common.simulation.frames import opening_array, opening_book
from common.simulation.model import MarketModel
from tests.archive.changes import KEYS, VALUES, changed
from tests.benchmark.test_figures import tokens_of
from tests.contexts import context_for

TRIALS = int(os.environ.get("CHANGED_FIELD_TRIALS", "250"))
WAYS = (*VALUES, *KEYS)
STEP_MS = 70  # between two batches: a busy market, and a trial sees more than two seconds of it
BATCHES = 36
CHANGED_PART = 0.5  # of the messages, from the first on: behind it is time to find out
MS = 1_000_000
PRODUCER = "ws_reader-0"
Books = dict[str, dict[tuple[str, float], float]]  # by token: size by side and price


class World:
    """Some seconds of a market as the exchange tells them, and the truth after each message."""

    def __init__(self, number: int) -> None:
        now_ms = (1_795_000_000 + 300 * number) * 1000
        self.tokens = tokens_of(now_ms // 1000)
        model = MarketModel(1, 300, now_ms)
        markets = [(model.market(token.token_id, now_ms), token.token_id) for token in self.tokens]
        books = [(each.book, each.book.token_ids.index(token_id)) for each, token_id in markets if each]
        assert len(books) == 2
        self.messages = [(now_ms, opening_array(opening_book(*each) for each in books))]
        model.watch(dict.fromkeys(token.condition_id for token in self.tokens), now_ms)
        for _ in range(BATCHES):
            now_ms += STEP_MS
            model.walk(now_ms)
            self.messages += [(now_ms, frame.text.encode()) for frame in model.traffic(now_ms)]
        self.truths = list(truths_of(payload for _, payload in self.messages))


@cache
def world(number: int) -> World:
    return World(number)


def truths_of(payloads: Iterable[bytes]) -> Iterator[Books]:
    """The books after each message of the exchange, by the plainest of all rules."""
    books: Books = {}
    for payload in payloads:
        message = json.loads(payload)
        for event in message if isinstance(message, list) else [message]:
            if event["event_type"] == "book":
                books[event["asset_id"]] = {
                    (side, float(level["price"])): float(level["size"])
                    for side, name in (("BUY", "bids"), ("SELL", "asks"))
                    for level in event[name]
                }
            for change in event.get("price_changes", ()):
                levels = books.setdefault(change["asset_id"], {})
                levels[change["side"], float(change["price"])] = float(change["size"])
        yield {
            token_id: {place: size for place, size in levels.items() if size}
            for token_id, levels in books.items()
        }


def levels_of(book: Book) -> dict[tuple[str, float], float]:
    sides = (("BUY", book.bids), ("SELL", book.asks))
    return {(side, float(price)): float(size) for side, levels in sides for price, size in levels}


def rows_of(messages: Sequence[tuple[int, bytes]], tokens: Sequence[Token]) -> Iterator[bytes]:
    """The recording of one session that was heard to its end."""
    context = context_for(
        1,
        session_id="c1",
        connection_sequence=1,
        url="wss://exchange.test/ws/market",
        subscription_revision=1,
        tokens=tuple(tokens),
    )

    def life_cycle(record_type: str, at_ms: int, detail: dict[str, Any]) -> bytes:
        at_ns = at_ms * MS
        return control_row(
            record_type,
            context,
            producer=PRODUCER,
            exchange="live",
            received_at_ns=at_ns,
            received_monotonic_ns=at_ns,
            detail=detail,
        )

    yield life_cycle(SESSION_OPENED, messages[0][0] - 1, {})
    constant = message_constant(context, PRODUCER, "live")
    for number, (at_ms, payload) in enumerate(messages, start=1):
        envelope = Envelope(MESSAGE, number, number, number, (at_ms + 30) * MS, at_ms * MS, 1, 1, payload)
        yield constant + message_rest(envelope, classify(payload))
    yield life_cycle(SESSION_CLOSED, messages[-1][0] + 40, {"reason": "recorder_stopping"})


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
            account.take(WS_RAW, read_row(line), line)
            row = row_of(line)
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
