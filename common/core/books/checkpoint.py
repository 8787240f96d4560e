"""A book as REST answers it, and what differs between two books."""

import msgspec

from common.core.books.book import Book, Ladder
from common.core.books.hash import USUAL_TERMS, HashTerms
from common.core.books.snapshot import BookSnapshot, DifferingLevel, Level, Milliseconds, check_book
from common.core.books.unknown_keys import Extra
from common.core.decimal_text import normal, scaled
from common.core.recipes.recipe import VERSION_KEY


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
        check_book(self.timestamp_ms, self.bids + self.asks)

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


def same_levels(rebuilt: Book, exchange: Book) -> bool:
    """Whether both hold the same sizes at the same prices, however these are written."""
    return _same_side(rebuilt.bid_ladder, exchange.bid_ladder) and _same_side(
        rebuilt.ask_ladder, exchange.ask_ladder
    )


def _same_side(ours: Ladder, theirs: Ladder) -> bool:
    if ours.json == theirs.json:
        return True
    sizes = [{normal(price): normal(size) for price, size in each.levels} for each in (ours, theirs)]
    return sizes[0] == sizes[1]


def differing_levels(rebuilt: Book, exchange: Book) -> tuple[DifferingLevel, ...]:
    """The levels that differ, bids first, each side by price ascending; prices and sizes as they were written."""
    found = []
    for side, ours, theirs in (
        ("bid", rebuilt.bid_ladder, exchange.bid_ladder),
        ("ask", rebuilt.ask_ladder, exchange.ask_ladder),
    ):
        mine, other = (
            {normal(price): (price, size) for price, size in each.levels} for each in (ours, theirs)
        )
        for price in sorted({*mine, *other}, key=scaled):
            (text, size), (other_text, other_size) = mine.get(price, ("", "0")), other.get(price, ("", "0"))
            if normal(size) != normal(other_size):
                found.append(DifferingLevel(side, text or other_text, size, other_size))
    return tuple(found)
