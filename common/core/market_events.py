"""What the exchange says of books and trades, as typed events: every kind, new and old shapes, single or in arrays.

Prices and sizes stay the exchange's own texts. Times are the exchange's, in milliseconds since 1970. Whatever is no
event (`PONG`, garbage, kinds that are not known) gives nothing; an event of a known kind that does not hold what it
must becomes `Unusable`, so that hostile content is counted and never raises.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from common.core.book_snapshot import NAMES, BookSnapshot, Level, Milliseconds, read_any_book
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
    "PriceChange",
    "Side",
    "TickSizeChange",
    "Unusable",
    "read_events",
]

Side = Literal["BUY", "SELL"]
_LONGEST_REASON = 200


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
        check_decimals((self.new_tick_size,))


class LastTrade(
    msgspec.Struct, frozen=True, gc=False, tag_field="event_type", tag="last_trade_price", rename=NAMES
):
    """A trade; `side` is the taker's. A transaction hash may stand in several trades."""

    market: str
    token_id: str
    timestamp_ms: Milliseconds
    price: str
    size: str
    side: Side
    fee_rate_bps: str | None = None
    transaction_hash: str | None = None

    def __post_init__(self) -> None:
        check_decimals((self.price, self.size))


class BestBidAsk(
    msgspec.Struct, frozen=True, gc=False, tag_field="event_type", tag="best_bid_ask", rename=NAMES
):
    """The best prices as the exchange tells them, usually before the change itself, and sometimes wrong."""

    market: str
    token_id: str
    timestamp_ms: Milliseconds
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


class Unusable(msgspec.Struct, frozen=True, gc=False):
    """An event of a known kind that cannot be used; `reason` says why, in words."""

    reason: str


MarketEvent = BookSnapshot | PriceChange | TickSizeChange | LastTrade | BestBidAsk | MarketResolved | Unusable


class _NewMarket(msgspec.Struct, gc=False, tag_field="event_type", tag="new_market"):
    """Goes to everyone, many times a minute: known only so that it is skipped fast."""


class _OldChange(msgspec.Struct, gc=False):
    price: str
    size: str
    side: Side


class _OldPriceChange(msgspec.Struct, gc=False, rename=NAMES):
    """The shape before 2025-09-15: one token, its hash beside the changes."""

    market: str
    token_id: str
    timestamp_ms: Milliseconds
    changes: tuple[_OldChange, ...]
    hash: str | None = None


class _Kind(msgspec.Struct, gc=False):
    event_type: Any = UNSET
    bids: msgspec.Raw | UnsetType = UNSET
    asks: msgspec.Raw | UnsetType = UNSET
    price_changes: msgspec.Raw | UnsetType = UNSET


_WIRE = BookSnapshot | PriceChange | TickSizeChange | LastTrade | BestBidAsk | MarketResolved | _NewMarket
# Not strict: the times are texts that hold numbers. Nothing else is converted, as all the rest are texts.
_EVENTS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_WIRE | list[_WIRE], strict=False)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_KIND = msgspec.json.Decoder(_Kind)
_OLD_PRICE_CHANGE = msgspec.json.Decoder(_OldPriceChange, strict=False)
_BY_KIND: dict[str, Callable[[bytes], MarketEvent]] = {
    "book": read_any_book,
    "price_change": msgspec.json.Decoder(PriceChange, strict=False).decode,
    "tick_size_change": msgspec.json.Decoder(TickSizeChange, strict=False).decode,
    "last_trade_price": msgspec.json.Decoder(LastTrade, strict=False).decode,
    "best_bid_ask": msgspec.json.Decoder(BestBidAsk, strict=False).decode,
    "market_resolved": msgspec.json.Decoder(MarketResolved, strict=False).decode,
}


def read_events(payload: bytes) -> tuple[MarketEvent, ...]:
    """The events of a payload in their order; empty where it holds none. Never raises."""
    try:
        found = _EVENTS.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _one_by_one(payload)
    if isinstance(found, list):
        return tuple(event for event in found if type(event) is not _NewMarket)
    return () if type(found) is _NewMarket else (found,)


def _one_by_one(payload: bytes) -> tuple[MarketEvent, ...]:
    """The slow way, for what is not all of the usual shapes: what is wrong with one event spoils no other."""
    try:
        raws = _RAWS.decode(payload) if payload.lstrip()[:1] == b"[" else [msgspec.Raw(payload)]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ()
    events = (_read_one(bytes(raw)) for raw in raws)
    return tuple(event for event in events if event is not None)


def _read_one(text: bytes) -> MarketEvent | None:
    try:
        kind = _KIND.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    name = kind.event_type
    if name is UNSET and kind.bids is not UNSET and kind.asks is not UNSET:
        name = "book"
    if not isinstance(name, str) or name not in _BY_KIND:
        return None
    try:
        if name == "price_change" and kind.price_changes is UNSET:
            return _from_old_shape(_OLD_PRICE_CHANGE.decode(text))
        return _BY_KIND[name](text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return Unusable(f"{name}: {error}"[:_LONGEST_REASON])


def _from_old_shape(old: _OldPriceChange) -> PriceChange:
    changes = (
        LevelChange(old.token_id, change.price, change.size, change.side, old.hash) for change in old.changes
    )
    return PriceChange(old.market, old.timestamp_ms, tuple(changes))
