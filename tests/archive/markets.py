"""Some seconds of simulated markets as the exchange tells them: the messages, their recording, and the truth."""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from common.core.books.book import Book
from common.core.envelope import MESSAGE, Envelope
from common.core.market import Token
from common.core.rows.origin import Origin
from common.core.rows.websocket import (
    SESSION_CLOSED,
    SESSION_OPENED,
    control_row,
    message_constant,
    message_rest,
)
from common.polymarket.classify import classify
from common.simulation.markets.frames import opening_array, opening_book
from common.simulation.markets.listing import Series
from common.simulation.markets.model import MarketModel
from common.simulation.markets.windows import SERIES, make_window
from tests.contexts import context_for

STEP_MS = 70  # between two batches: a busy market, and a trial sees more than two seconds of it
BATCHES = 36
MS = 1_000_000
PRODUCER = "ws_reader-0"
Books = dict[str, dict[tuple[str, float], float]]  # by token: size by side and price


class World:
    """Some time of markets as the exchange tells them, and the truth after each message."""

    def __init__(self, tokens: Sequence[Token], now_ms: int, batches: int) -> None:
        self.tokens = tokens
        model = MarketModel(1, 300, now_ms)
        markets = [(model.market(token.token_id, now_ms), token.token_id) for token in tokens]
        books = [(each.book, each.book.token_ids.index(token_id)) for each, token_id in markets if each]
        assert len(books) == len(tokens)
        self.messages = [(now_ms, opening_array(opening_book(*each) for each in books))]
        model.watch(dict.fromkeys(token.condition_id for token in tokens), now_ms)
        for _ in range(batches):
            now_ms += STEP_MS
            frames = [*model.advance(now_ms), *model.traffic(now_ms)]
            self.messages += [(now_ms, frame.text.encode()) for frame in frames]
        self.truths = list(truths_of(payload for _, payload in self.messages))


@cache
def world(number: int) -> World:
    """Some seconds of one market."""
    now_s = 1_795_000_000 + 300 * number
    return World(tokens_at(now_s // 300 * 300, SERIES[:1]), now_s * 1000, BATCHES)


def world_of_both_protocols(number: int, seconds: int) -> World:
    """The first `seconds` of two markets that begin together, one of each protocol; no more than 300."""
    start_s = 1_795_000_500 + 900 * number
    tokens = tokens_at(start_s, SERIES[:2])
    assert {token.protocol for token in tokens} == {"v1", "v2"}
    return World(tokens, start_s * 1000, seconds * 1000 // STEP_MS)


def tokens_at(start_s: int, series: Iterable[Series]) -> list[Token]:
    """Both tokens of the window of each series that begins then."""
    windows = [make_window(1, each, start_s, 300) for each in series]
    return [
        Token(one.slug, one.condition_id, token_id, outcome, "2030-01-01T00:00:00Z", one.protocol)
        for one in windows
        for token_id, outcome in zip(one.token_ids, one.outcomes, strict=True)
    ]


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
            for token_id in {each["asset_id"] for each in event.get("price_changes", ())}:
                books[token_id] = dict(books.get(token_id, {}))  # the one before stays as it was
            for change in event.get("price_changes", ()):
                levels, place = books[change["asset_id"]], (change["side"], float(change["price"]))
                levels[place] = float(change["size"])
                if not levels[place]:
                    del levels[place]
        yield dict(books)


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
            origin=Origin(PRODUCER),
            received_at_ns=at_ns,
            received_monotonic_ns=at_ns,
            detail=detail,
        )

    yield life_cycle(SESSION_OPENED, messages[0][0] - 1, {})
    constant = message_constant(context, Origin(PRODUCER))
    for number, (at_ms, payload) in enumerate(messages, start=1):
        envelope = Envelope(MESSAGE, number, number, number, (at_ms + 30) * MS, at_ms * MS, 1, 1, payload)
        yield constant + message_rest(envelope, classify(payload))
    yield life_cycle(SESSION_CLOSED, messages[-1][0] + 40, {"reason": "recorder_stopping"})
