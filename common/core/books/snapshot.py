"""A whole book as the exchange sends it over the websocket, the keys included that nobody knows yet."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from common.core.books.unknown_keys import Extra, unknown_keys
from common.core.decimal_text import check_decimals

Milliseconds = Annotated[int, Meta(ge=0, lt=10**13)]  # up to 2286
_SECONDS = range(10**9, 10**12)  # in milliseconds dates before 2001, in seconds later ones

NAMES = {
    "token_id": "asset_id",
    "timestamp_ms": "timestamp",
    "token_ids": "assets_ids",
}  # ours, the exchange's
_NO_WIRE_NAME = {"extra": "(extra)"}  # a field that the exchange does not send


class Level(msgspec.Struct, frozen=True, gc=False):
    """A price and the whole size that is offered there, both texts of the exchange."""

    price: str
    size: str


class DifferingLevel(NamedTuple):
    """A level of which two books tell different sizes; `0` where a book has none."""

    side: str
    price: str
    rebuilt: str
    exchange: str


def check_milliseconds(timestamp_ms: int) -> None:
    """Raises ValueError for a time that was told in seconds."""
    if timestamp_ms in _SECONDS:
        raise ValueError("timestamp is not in milliseconds")


def check_book(timestamp_ms: int, levels: Sequence[Level]) -> None:
    """Raises ValueError where a time or a price or size of a whole book cannot be one."""
    check_milliseconds(timestamp_ms)
    check_decimals([level.price for level in levels] + [level.size for level in levels])


class BookSnapshot(
    msgspec.Struct,
    frozen=True,
    gc=False,
    tag_field="event_type",
    tag="book",
    forbid_unknown_fields=True,  # a book with unknown keys is read by `read_any_book`, which keeps them
    rename=NAMES | _NO_WIRE_NAME,
):
    """A whole book. Only opening ones bring `tick_size` and `last_trade_price` (empty: never traded).

    `version` is the protocol that the book names. `extra` holds the keys that have no field here.
    """

    market: str
    token_id: str
    timestamp_ms: Milliseconds
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    hash: str = ""
    tick_size: str | None = None
    last_trade_price: str | None = None
    version: str | None = None
    extra: Extra = ()

    def __post_init__(self) -> None:
        check_book(self.timestamp_ms, self.bids + self.asks)


class _AnyBook(BookSnapshot, frozen=True, forbid_unknown_fields=False, tag="book"):
    version: Any = None


_ANY_BOOK = msgspec.json.Decoder(_AnyBook, strict=False)
_KEYS = {field.encode_name for field in msgspec.structs.fields(BookSnapshot)} | {"event_type"}
_KEYS_BUT_VERSION = _KEYS - {"version"}


def read_any_book(text: bytes) -> BookSnapshot:
    """A book with its unknown keys. A version that is not a string is kept like one of them.

    Raises msgspec.DecodeError where the text is not a book.
    """
    book = _ANY_BOOK.decode(text)
    version = book.version if isinstance(book.version, str) else None
    extra = unknown_keys(text, _KEYS_BUT_VERSION if version is None else _KEYS)
    return BookSnapshot(**msgspec.structs.asdict(book) | {"version": version, "extra": extra})
