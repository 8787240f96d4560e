"""What the exchange says of books and trades, as typed events of every kind in their usual forms.

Prices and sizes stay the exchange's own texts where these are plain decimals. Times are the exchange's, in
milliseconds since 1970. `event_reader` makes them of payloads, other forms included.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from common.core.books.snapshot import NAMES, BookSnapshot, Level, Milliseconds, check_milliseconds
from common.core.decimal_text import check_decimals

__all__ = [
    "BestBidAsk",
    "BookSnapshot",
    "LastTrade",
    "Level",
    "LevelChange",
    "MarketEvent",
    "MarketResolved",
    "Milliseconds",
    "NewMarket",
    "PriceChange",
    "Side",
    "TickSizeChange",
    "TimedEvent",
    "Unusable",
    "UnusualForms",
]

Side = Literal["BUY", "SELL"]


class LevelChange(msgspec.Struct, frozen=True, gc=False, rename=NAMES):
    """The new size of one price of one token; size 0 removes the level.

    `hash`, `best_bid` and `best_ask` tell the state after the whole batch that the change belongs to.
    """

    token_id: str
    price: str
    size: str
    side: Side
    hash: str | None = None
    best_bid: str | None = None
    best_ask: str | None = None


class PriceChange(
    msgspec.Struct,
    frozen=True,
    gc=False,
    tag_field="event_type",
    tag="price_change",
    rename=NAMES | {"changes": "price_changes"},
):
    """Levels that changed, usually of both tokens of the market; one batch may come as several of these."""

    market: str
    timestamp_ms: Milliseconds
    changes: tuple[LevelChange, ...]

    def __post_init__(self) -> None:
        check_milliseconds(self.timestamp_ms)
        check_decimals([text for change in self.changes for text in (change.price, change.size)])


class TickSizeChange(
    msgspec.Struct, frozen=True, gc=False, tag_field="event_type", tag="tick_size_change", rename=NAMES
):
    """The smallest price step of a token is another now."""

    market: str
    token_id: str
    timestamp_ms: Milliseconds
    old_tick_size: str
    new_tick_size: str

    def __post_init__(self) -> None:
        check_milliseconds(self.timestamp_ms)
        check_decimals((self.new_tick_size,))


class LastTrade(
    msgspec.Struct, frozen=True, gc=False, tag_field="event_type", tag="last_trade_price", rename=NAMES
):
    """A trade; `side` is the taker's. A transaction hash may be in several trades."""

    market: str
    token_id: str
    timestamp_ms: Milliseconds
    price: str
    size: str
    side: Side
    fee_rate_bps: str | None = None
    transaction_hash: str | None = None

    def __post_init__(self) -> None:
        check_milliseconds(self.timestamp_ms)
        check_decimals((self.price, self.size))


class BestBidAsk(
    msgspec.Struct, frozen=True, gc=False, tag_field="event_type", tag="best_bid_ask", rename=NAMES
):
    """The best prices as the exchange tells them, usually before the change itself, and sometimes wrong."""

    market: str
    token_id: str
    timestamp_ms: Annotated[int, Meta(ge=10**12, lt=10**13)]
    best_bid: str
    best_ask: str
    spread: str | None = None


class MarketResolved(
    msgspec.Struct,
    frozen=True,
    gc=False,
    tag_field="event_type",
    tag="market_resolved",
    rename=NAMES | {"winning_token_id": "winning_asset_id"},
):
    """A market has its outcome."""

    market: str
    timestamp_ms: Milliseconds
    token_ids: tuple[str, ...] = ()
    winning_token_id: str | None = None
    winning_outcome: str | None = None
    bids: None = None  # with a book it is something else
    asks: None = None
    price_changes: None = None

    def __post_init__(self) -> None:
        check_milliseconds(self.timestamp_ms)


class NewMarket(msgspec.Struct, gc=False, tag_field="event_type", tag="new_market"):
    """Goes to everyone, many times a minute: known only so that it is skipped fast. With a book it is none."""

    bids: None = None
    asks: None = None
    price_changes: None = None


class Unusable(msgspec.Struct, frozen=True, gc=False):
    """Something like an event that cannot be used.

    `reason` is the kind and the field that cannot be read, `detail` says why as a message. It is about `token_ids`, or
    about all tokens of `market` where it names none, or about nobody knows whom. `of_book`: the books of those are
    not known from here on, until their next snapshots.
    """

    reason: str
    detail: str
    token_ids: tuple[str, ...] = ()
    market: str = ""
    of_book: bool = True


class UnusualForms(msgspec.Struct, frozen=True, gc=False):
    """Follows an event that was not written in the usual forms: their names, and the tokens it is about.

    `written` holds normal texts and what stood in their place, where that differs.
    """

    token_ids: tuple[str, ...]
    forms: tuple[str, ...]
    written: tuple[tuple[str, str], ...] = ()


TimedEvent = BookSnapshot | PriceChange | TickSizeChange | LastTrade | BestBidAsk | MarketResolved
MarketEvent = TimedEvent | Unusable | UnusualForms
