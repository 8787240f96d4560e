"""The books of all tokens of one connection, from the payloads that came over it in order.

A market is the same whatever width and case its id is spelled in.
"""

from collections.abc import Iterable, Mapping

import msgspec

from common.core.books.book import Book
from common.core.decimal_text import three_decimals
from common.core.events.market_events import (
    BookSnapshot,
    LastTrade,
    LevelChange,
    MarketEvent,
    PriceChange,
    TickSizeChange,
    Unusable,
    UnusualForms,
)
from common.core.events.reader import read_events
from common.core.market import canonical_condition_id

AHEAD_MS = 60_000  # so far our clock may be behind: what is further ahead of it has a wrong time
TIME_AHEAD = "time_ahead"  # counted like a form
_TOKENS_OF_MARKET = 2
_OTHERS_KEPT = 10_000
_TRADES_KEPT = 8  # of a market: a hash may hold one that is not the newest any more


class Applied(msgspec.Struct, frozen=True, gc=False):
    """An event, and the tokens whose books it changed: none of them if it changes no book that there is."""

    event: MarketEvent
    token_ids: tuple[str, ...]


class Books:
    """Books come with their snapshots and go with `reset`; until its snapshot a token has none.

    `received_ms` is when what comes was received, in milliseconds since 1970 by our clock; 0 where that is not known.
    """

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}
        self._trades: dict[str, tuple[str, ...]] = {}
        self._others: set[str] = set()  # tokens that changes name and nobody subscribed
        self._doubts: tuple[Unusable | UnusualForms, ...] = ()
        self.received_ms = 0

    @property
    def by_token(self) -> Mapping[str, Book]:
        """The books that there are, by token id."""
        return self._books

    def get(self, token_id: str) -> Book | None:
        """A token's book, None without a snapshot since the last reset."""
        return self._books.get(token_id)

    def trade_prices(self, market: str) -> tuple[str, ...]:
        """The prices of the market's latest trades with three decimals, the newest first; empty text: none yet."""
        return self._trades.get(canonical_condition_id(market), ())

    def note_trade(self, market: str, price: str) -> None:
        """A trade's price became known, perhaps before the exchange announced it. An empty text is none yet."""
        market, newest = canonical_condition_id(market), three_decimals(price)
        known = self._trades.get(market, ())
        if not known or known[0] != newest:
            others = tuple(each for each in known if each != newest)
            self._trades[market] = (newest, *others)[:_TRADES_KEPT]

    @property
    def doubts(self) -> tuple[Unusable | UnusualForms, ...]:
        """What the time of the event that was applied last gives reason to doubt; books that it voided are gone."""
        return self._doubts

    def take(self, payload: bytes) -> list[Applied]:
        """Apply every event of a payload; what is not an event is left out. Never raises."""
        return [Applied(event, self.apply(event)) for event in read_events(payload)]

    def apply(self, event: MarketEvent) -> tuple[str, ...]:
        """Apply one event and give the tokens whose books it changed, each once."""
        self._doubts = ()
        match event:
            case PriceChange():
                return self._change(event)
            case BookSnapshot():
                return self._replace(event)
            case TickSizeChange():
                return self._change_tick(event)
            case LastTrade():
                self.note_trade(event.market, event.price)
            case Unusable():
                concerned = self.concerned(event)
                self.reset(concerned)
                return concerned
            case UnusualForms():
                for book in filter(None, map(self._books.get, event.token_ids)):
                    book.note_written(event.written)
        return ()

    def concerned(self, event: Unusable) -> tuple[str, ...]:
        """The tokens whose books are not what they were any more, for all that an unusable event lets know."""
        if not event.of_book:
            return ()
        named = tuple(token_id for token_id in event.token_ids if token_id in self._books)
        known = self._of_market(event.market) if event.market else tuple(self._books)
        if named or not event.token_ids:
            return named or known
        return (
            known if event.market and len(known) >= _TOKENS_OF_MARKET else ()
        )  # a third id is a damaged one

    def _of_market(self, market: str) -> tuple[str, ...]:
        """The tokens of a market that have books."""
        wanted, books = canonical_condition_id(market), self._books.values()
        return tuple(book.token_id for book in books if canonical_condition_id(book.market) == wanted)

    def reset(self, token_ids: Iterable[str] | None = None) -> None:
        """Forget the books of these tokens, or of all: what follows cannot be joined to what was."""
        if token_ids is None:
            self._books.clear()
            self._trades.clear()
            return
        for token_id in token_ids:
            self._books.pop(token_id, None)
        left = {canonical_condition_id(book.market) for book in self._books.values()}
        self._trades = {market: trades for market, trades in self._trades.items() if market in left}

    def _replace(self, snapshot: BookSnapshot) -> tuple[str, ...]:
        if snapshot.last_trade_price is not None:
            self.note_trade(snapshot.market, snapshot.last_trade_price)
        if 0 < self.received_ms < snapshot.timestamp_ms - AHEAD_MS:
            self._doubts = (UnusualForms((snapshot.token_id,), (TIME_AHEAD,)),)
        book = self._books.get(snapshot.token_id)
        if book is None or canonical_condition_id(book.market) != canonical_condition_id(snapshot.market):
            self._books[snapshot.token_id] = Book(snapshot)
            return (snapshot.token_id,)
        return (snapshot.token_id,) if book.apply_snapshot(snapshot) else ()

    def _change(self, event: PriceChange) -> tuple[str, ...]:
        touched: dict[str, None] = {}
        older: list[tuple[Book, LevelChange]] = []
        for change in event.changes:
            book = self._books.get(change.token_id)
            if book is None:
                if change.token_id not in self._others and not self._is_other_leg(event, change.token_id):
                    return ()
                continue
            if book.apply_change(change, event.timestamp_ms):
                touched[change.token_id] = None
            elif not book.is_repeat(event.timestamp_ms, change.hash or ""):
                older.append((book, change))
        if 0 < self.received_ms < event.timestamp_ms - AHEAD_MS:
            self._doubts = (UnusualForms(tuple(touched), (TIME_AHEAD,)),)
        if older:
            self._judge_older(event, older, touched)
        return tuple(touched)

    def _is_other_leg(self, event: PriceChange, token_id: str) -> bool:
        """Whether a token without a book may be one that nobody subscribed.

        A market has two tokens. A third one is the damaged id of either: neither of their books is known any more.
        """
        known = self._of_market(event.market)
        if len(known) < _TOKENS_OF_MARKET:
            if len(self._others) >= _OTHERS_KEPT:
                self._others.clear()
            self._others.add(token_id)
            return True
        detail = f"{token_id[:80]!r} is not a token of the market"
        self._doubts += (Unusable("price_change: asset_id", detail, known, event.market),)
        self.reset(known)
        return False

    def _judge_older(
        self, event: PriceChange, older: Iterable[tuple[Book, LevelChange]], touched: dict[str, None]
    ) -> None:
        """Changes that are older than their books, and no repeats: either their time is wrong, or the book's.

        It is the book's where our clock says so; else the book is not known from here on.
        """
        doubted: dict[str, int] = {}
        for book, change in older:
            is_now = abs(event.timestamp_ms - self.received_ms) <= AHEAD_MS
            if self.received_ms and is_now and book.timestamp_ms - self.received_ms > AHEAD_MS:
                book.timestamp_ms = event.timestamp_ms
            if book.apply_change(change, event.timestamp_ms):
                touched[book.token_id] = None
            else:
                doubted[book.token_id] = book.timestamp_ms - event.timestamp_ms
        if doubted:
            detail = f"{max(doubted.values()) / 1000:g} s older than the book, and not a repeat"
            self._doubts += (Unusable("price_change: timestamp", detail, tuple(doubted), event.market),)
            self.reset(doubted)
            for token_id in doubted:
                touched.pop(token_id, None)

    def _change_tick(self, event: TickSizeChange) -> tuple[str, ...]:
        book = self._books.get(event.token_id)
        if book is None:
            return ()
        book.tick_size = event.new_tick_size
        return (event.token_id,)
