"""A book as REST answers it, and what differs between two books."""

from typing import NamedTuple

import msgspec

from common.core.book import Book
from common.core.book_hash import USUAL_TERMS, HashTerms
from common.core.decimal_text import check_decimals, scaled
from common.core.hash_recipe import VERSION_KEY
from common.core.market_events import BookSnapshot, Level, Milliseconds
from common.core.unknown_keys import Extra, unknown_keys


class CheckpointBook(
    msgspec.Struct,
    frozen=True,
    rename={"token_id": "asset_id", "timestamp_ms": "timestamp", "extra": "(extra)"},
):
    """One book of a checkpoint. `timestamp_ms` is its last change, not the time of the answer.

    `extra` holds the keys that have no field here, `version` among them.
    """

    market: str
    token_id: str
    timestamp_ms: Milliseconds
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    hash: str = ""
    min_order_size: str = ""
    tick_size: str = ""
    neg_risk: bool = False
    last_trade_price: str | None = None
    extra: Extra = ()

    def __post_init__(self) -> None:
        levels = self.bids + self.asks
        check_decimals([level.price for level in levels] + [level.size for level in levels])

    @property
    def terms(self) -> HashTerms:
        """What the hashes of this token hold and only REST tells."""
        least = self.min_order_size or USUAL_TERMS.min_order_size
        return HashTerms(least, self.neg_risk, self.tick_size, self.extra)

    @property
    def version(self) -> str | None:
        """The JSON of the protocol that the book names, None where it names none."""
        return dict(self.extra).get(VERSION_KEY)

    def book(self) -> Book:
        """The book that it shows."""
        return Book(
            BookSnapshot(
                market=self.market,
                token_id=self.token_id,
                timestamp_ms=self.timestamp_ms,
                bids=self.bids,
                asks=self.asks,
                hash=self.hash,
                tick_size=self.tick_size or None,
                extra=self.extra,
            )
        )


class DifferingLevel(NamedTuple):
    """A level of which two books tell different sizes; `0` where a book has none."""

    side: str
    price: str
    rebuilt: str
    exchange: str


_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_BOOK = msgspec.json.Decoder(CheckpointBook, strict=False)
_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(CheckpointBook))


def read_checkpoint(payload: bytes) -> list[CheckpointBook]:
    """The books of an answer that can be used; what is none is left out. Never raises."""
    try:
        raws = _RAWS.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    found = []
    for raw in raws:
        try:
            book = _BOOK.decode(raw)
            found.append(msgspec.structs.replace(book, extra=unknown_keys(raw, _KEYS)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return found


def same_levels(rebuilt: Book, exchange: Book) -> bool:
    """Whether both hold the same sizes at the same prices, as texts."""
    return (
        rebuilt.bid_ladder.json == exchange.bid_ladder.json
        and rebuilt.ask_ladder.json == exchange.ask_ladder.json
    )


def differing_levels(rebuilt: Book, exchange: Book) -> tuple[DifferingLevel, ...]:
    """The levels that differ, bids first, each side by price ascending."""
    found = []
    for side, ours, theirs in (
        ("bid", rebuilt.bid_ladder.sizes(), exchange.bid_ladder.sizes()),
        ("ask", rebuilt.ask_ladder.sizes(), exchange.ask_ladder.sizes()),
    ):
        found += [
            DifferingLevel(side, price, ours.get(price, "0"), theirs.get(price, "0"))
            for price in sorted({*ours, *theirs}, key=scaled)
            if ours.get(price) != theirs.get(price)
        ]
    return tuple(found)
