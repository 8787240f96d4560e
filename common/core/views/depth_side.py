"""One side of a book in whole millionths, kept beside it: to copy two arrays is far less than to read every level."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from common.core.books.book import PriceSize
from common.core.decimal_text import micros
from common.core.events.market_events import LevelChange

Millionths = Sequence[int | None]


class DepthSide:
    """The levels of one side, the best first. A price or size that is not a whole number of millionths is None."""

    def __init__(self, worst_first: Sequence[PriceSize], *, descending: bool) -> None:
        """`descending`: the best price is the highest."""
        self._sign = -1 if descending else 1
        prices = [micros(price) for price, _ in reversed(worst_first)]
        sizes = [micros(size) for _, size in reversed(worst_first)]
        self._whole = None not in prices and None not in sizes
        self._prices, self._sizes = _packed(prices), _packed(sizes)
        self._keys = [self._sign * (price or 0) for price in prices]

    def follow(self, changes: Iterable[LevelChange], levels: int) -> bool:
        """Apply changes that the book has taken. False: it must be rebuilt, from a book with so many levels."""
        if not self._whole:
            return False
        assert isinstance(self._prices, array)
        assert isinstance(self._sizes, array)
        for change in changes:
            price, size = micros(change.price), micros(change.size)
            if price is None or size is None:
                return False
            self._put(self._prices, self._sizes, price, size)
        return len(self._keys) == levels

    def _put(self, prices: "array[int]", sizes: "array[int]", price: int, size: int) -> None:
        key = self._sign * price
        at = bisect_left(self._keys, key)
        known = at < len(self._keys) and self._keys[at] == key
        if known and size:
            sizes[at] = size
        elif known:
            del self._keys[at], prices[at], sizes[at]
        elif size:
            self._keys.insert(at, key)
            prices.insert(at, price)
            sizes.insert(at, size)

    def best(self, most: int | None) -> tuple[Millionths, Millionths]:
        """Prices and sizes of the best `most` levels, None for all; they do not change with the book."""
        return self._prices[:most], self._sizes[:most]


def _packed(values: list[int | None]) -> Millionths:
    """The same in 8 bytes a value, unless one is None."""
    whole = [value for value in values if value is not None]
    return array("q", whole) if len(whole) == len(values) else values
