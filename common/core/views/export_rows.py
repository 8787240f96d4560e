"""The rows of the exported tables, made from what was replayed: plain values in the order of `export_columns`.

Prices and sizes are whole millionths, or None where a text has no such value; the texts are in `events`.
"""

from collections.abc import Iterable
from typing import Any, assert_never

import msgspec

from common.core.books.book import Book
from common.core.events.market_events import (
    BestBidAsk,
    BookSnapshot,
    LastTrade,
    MarketEvent,
    MarketResolved,
    PriceChange,
    Side,
    TickSizeChange,
    Unusable,
    UnusualForms,
)
from common.core.market import Exchange, Token
from common.core.micros import micros
from common.core.views.depth_side import DepthSide

Row = tuple[Any, ...]
_NOTHING: Row = (None,) * 10  # side, price, size, both texts, both bests, tick size, hash, detail


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where an event came from: its message's receive time and numbers (None for life-cycle rows)."""

    received_at_ns: int
    producer: str
    session_id: str | None
    message_sequence: int | None
    global_message_sequence: int | None
    event_index: int
    exchange: Exchange

    def columns(self, timestamp_ms: int | None) -> Row:
        """The columns that all tables begin with."""
        return (
            self.received_at_ns,
            timestamp_ms,
            self.producer,
            self.session_id,
            self.message_sequence,
            self.global_message_sequence,
            self.event_index,
            self.exchange,
        )


class TokenNames:
    """The columns that name a token, by its id: from the rows' `tokens_tracked`, as far as they were seen."""

    def __init__(self) -> None:
        self.by_id: dict[str, Token] = {}
        self._columns: dict[str, Row] = {}

    def note(self, tokens: Iterable[Token]) -> None:
        """Take the tokens of a row in."""
        for token in tokens:
            if token.token_id not in self.by_id:
                self.by_id[token.token_id] = token
                names = (token.market_slug, token.condition_id, token.token_id, token.outcome)
                self._columns[token.token_id] = tuple(name or None for name in names)

    def columns(self, token_id: str, market: str) -> Row:
        """Slug, condition id, token id and outcome; null for what no row has told."""
        return self._columns.get(token_id) or (None, market or None, token_id or None, None)


def life_cycle_row(place: Place, record_type: str, detail: str) -> Row:
    """The row of `events` for something that happened to a session."""
    return (*place.columns(None), 0, None, None, None, None, record_type, *_NOTHING[:-1], detail or None)


def event_rows(place: Place, event: MarketEvent, names: TokenNames) -> list[Row]:
    """The rows of `events` for one event: one for each level that it tells of, else one; none if unusable."""
    match event:
        case PriceChange():
            return _changed_levels(place, event, names)
        case BookSnapshot():
            return _snapshot_levels(place, event, names)
        case Unusable() | UnusualForms():
            return []
        case MarketResolved():
            token, kind = names.columns(event.winning_token_id or "", event.market), "market_resolved"
            values: Row = (*_NOTHING[:-1], event.winning_outcome)
        case LastTrade():
            token, kind = names.columns(event.token_id, event.market), "last_trade_price"
            traded = (micros(event.price), micros(event.size), event.price, event.size)
            values = (event.side, *traded, *_NOTHING[5:-1], event.transaction_hash)
        case TickSizeChange():
            token, kind = names.columns(event.token_id, event.market), "tick_size_change"
            values = (*_NOTHING[:7], micros(event.new_tick_size), None, f"was {event.old_tick_size}")
        case BestBidAsk():
            token, kind = names.columns(event.token_id, event.market), "best_bid_ask"
            values = (*_NOTHING[:5], micros(event.best_bid), micros(event.best_ask), *_NOTHING[7:])
        case _:
            assert_never(event)
    return [(*place.columns(event.timestamp_ms), 0, *token, kind, *values)]


def left_out_rows(place: Place, event: Unusable, names: TokenNames) -> list[Row]:
    """The rows of `left_out` for an event that cannot be used: one for each token that it names, else one."""
    return [
        (
            *place.columns(None),
            *names.columns(token_id, event.market),
            event.reason,
            event.detail,
            event.of_book,
        )
        for token_id in event.token_ids or ("",)
    ]


def _changed_levels(place: Place, event: PriceChange, names: TokenNames) -> list[Row]:
    where = place.columns(event.timestamp_ms)
    return [
        (
            *where,
            index,
            *names.columns(change.token_id, event.market),
            "price_change",
            change.side,
            micros(change.price),
            micros(change.size),
            change.price,
            change.size,
            micros(change.best_bid or ""),
            micros(change.best_ask or ""),
            None,
            change.hash,
            None,
        )
        for index, change in enumerate(event.changes)
    ]


def _snapshot_levels(place: Place, event: BookSnapshot, names: TokenNames) -> list[Row]:
    where = place.columns(event.timestamp_ms)
    token = names.columns(event.token_id, event.market)
    rest = (None, None, micros(event.tick_size or ""), event.hash or None, None)
    sided = [*(("BUY", level) for level in event.bids), *(("SELL", level) for level in event.asks)]
    if not sided:
        return [(*where, 0, *token, "book", *_NOTHING[:5], *rest)]
    return [
        (
            *(*where, index, *token, "book", side),
            *(micros(level.price), micros(level.size), level.price, level.size),
            *rest,
        )
        for index, (side, level) in enumerate(sided)
    ]


class TopOfBook:
    """The rows of `top_of_book`: one where the best price or size of a token is another than before."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, tuple[Row, Row]]] = {}  # by producer and token: the best, the names

    def row(self, place: Place, book: Book, names: TokenNames) -> Row | None:
        """The row of a token's book after an event; None where its best levels are as they were."""
        bids, asks = book.bid_ladder.levels, book.ask_ladder.levels
        best = (bids[-1] if bids else None, asks[-1] if asks else None)
        last = self._last.setdefault(place.producer, {})
        if book.token_id in last and last[book.token_id][0] == best:
            return None
        token = names.columns(book.token_id, book.market)
        last[book.token_id] = best, token
        values = (micros(text) if text else None for level in best for text in level or ("", ""))
        return (*place.columns(book.timestamp_ms), *token, True, *values)

    def lost(self, place: Place, token_ids: Iterable[str] | None) -> list[Row]:
        """The rows that say which of these tokens, or of all of the producer, have no book any more."""
        last = self._last.get(place.producer, {})
        gone = [last.pop(token_id, None) for token_id in (tuple(last) if token_ids is None else token_ids)]
        nothing = (False, None, None, None, None)
        return [(*place.columns(None), *known[1], *nothing) for known in gone if known is not None]


class DepthRows:
    """The rows of `depth`: a token's whole book after each event that touched it."""

    def __init__(self, levels: int = 0) -> None:
        """`levels` is how many of each side to keep, 0 for all."""
        self._most = levels or None
        self._sides: dict[tuple[str, str, str], DepthSide] = {}

    def row(self, place: Place, event: BookSnapshot | PriceChange, book: Book, names: TokenNames) -> Row:
        """The row of a token's book after an event."""
        bids = self._side(place.producer, "BUY", event, book)
        asks = self._side(place.producer, "SELL", event, book)
        return (
            *place.columns(book.timestamp_ms),
            *names.columns(book.token_id, book.market),
            "book" if isinstance(event, BookSnapshot) else "price_change",
            book.hash or None,
            *bids.best(self._most),
            *asks.best(self._most),
        )

    def _side(self, producer: str, side: Side, event: BookSnapshot | PriceChange, book: Book) -> DepthSide:
        ladder = book.bid_ladder if side == "BUY" else book.ask_ladder
        key = producer, book.token_id, side
        known = self._sides.get(key)
        changes = (
            [each for each in event.changes if each.side == side and each.token_id == book.token_id]
            if isinstance(event, PriceChange)
            else None
        )
        if known is None or changes is None or not known.follow(changes, len(ladder)):
            known = self._sides[key] = DepthSide(ladder.levels, descending=side == "BUY")
        return known
