"""One market's order book as both of its tokens see it, and the hash that the exchange gives each view.

The engine keeps one book in prices of the first token, as ints in ten-thousandths. To buy it at p is to sell the
second token at 1 - p, so every level is rendered twice when it changes, once for each token.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator

from common.simulation.faults.mutations import Mutation, mutated_text

ONE = 10_000  # a price of 1, in ten-thousandths: the finest tick
PRICES = tuple(f"{price / ONE:.4f}".rstrip("0").rstrip(".") for price in range(ONE + 1))
MIN_ORDER_SIZE = "5"


def size_text(hundredths: int) -> str:
    """A size as the exchange writes it: `55`, `128.98`, `3769.8`."""
    whole, rest = divmod(hundredths, 100)
    return f"{whole}.{rest:02d}".rstrip("0") if rest else str(whole)


class Ladder:
    """The levels of one side, worst first, in prices of the first token (ten-thousandths)."""

    def __init__(self, *, bids: bool) -> None:
        self._sign = 1 if bids else -1
        self._keys: list[int] = []
        self._levels: tuple[list[str], list[str]] = ([], [])
        self._texts: list[str | None] = [None, None]

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, price: int) -> bool:
        at = bisect_left(self._keys, self._sign * price)
        return at < len(self._keys) and self._keys[at] == self._sign * price

    @property
    def best(self) -> int | None:
        """The best price, or None when the side is empty."""
        return self._sign * self._keys[-1] if self._keys else None

    def from_best(self) -> Iterator[int]:
        """The prices, best first."""
        return (self._sign * key for key in reversed(self._keys))

    def put(self, price: int, size: int) -> None:
        """Set the aggregate size (hundredths) of a price; 0 removes the level."""
        key = self._sign * price
        at = bisect_left(self._keys, key)
        known = at < len(self._keys) and self._keys[at] == key
        self._texts = [None, None]
        if not size:
            if known:
                del self._keys[at], self._levels[0][at], self._levels[1][at]
            return
        if not known:
            self._keys.insert(at, key)
        written = size_text(size)
        for levels, shown in zip(self._levels, (price, ONE - price), strict=True):
            levels[at : at + known] = [f'{{"price":"{PRICES[shown]}","size":"{written}"}}']

    def text(self, leg: int) -> str:
        """The JSON array of the levels as token `leg` (0 or 1) sees them, without brackets, best last."""
        text = self._texts[leg]
        if text is None:
            text = self._texts[leg] = ",".join(self._levels[leg])
        return text


class Book:
    """The state of one market: both sides, tick size, market-wide last trade, time of the last change.

    `version` is what books of the market say last, "" where they say none. `hashed` is what changes the text of each
    token's book before it is hashed.
    """

    def __init__(
        self,
        condition_id: str,
        token_ids: tuple[str, str],
        now_ms: int,
        *,
        tick: int = 100,
        neg_risk: bool = False,
        version: str = "",
    ) -> None:
        self.condition_id = condition_id
        self.token_ids = token_ids
        self.bids = Ladder(bids=True)
        self.asks = Ladder(bids=False)
        self.tick = tick
        self.last_trade = ""
        self.changed_ms = now_ms
        self.hashed: tuple[tuple[Mutation, ...], tuple[Mutation, ...]] = ((), ())
        self.version_field = f',"version":"{version}"' if version else ""
        self._heads = [f'{{"market":"{condition_id}","asset_id":"{one}","timestamp":"' for one in token_ids]
        self._terms = f',"neg_risk":{"true" if neg_risk else "false"},"last_trade_price":"'

    def sides(self, leg: int) -> tuple[str, str]:
        """Bids and asks of a token as JSON arrays without brackets, best last."""
        first, second = (self.asks, self.bids) if leg else (self.bids, self.asks)
        return first.text(leg), second.text(leg)

    def best(self, leg: int) -> tuple[int, int]:
        """Best bid and best ask of a token in ten-thousandths; 0 and ONE stand for an empty side."""
        bid, ask = self.bids.best or 0, self.asks.best or ONE
        return (ONE - ask, ONE - bid) if leg else (bid, ask)

    def note_trade(self, price: int) -> None:
        """A trade at this price of its own token: what the whole market says and hashes, with three decimals."""
        thousandths = (price * 1000 + ONE // 2) // ONE
        self.last_trade = f"{thousandths // 1000}.{thousandths % 1000:03d}"

    def body(self, leg: int, book_hash: str) -> str:
        """The book as `POST /books` answers it; the hash is taken over this text with an empty hash."""
        bids, asks = self.sides(leg)
        return (
            f'{self._heads[leg]}{self.changed_ms}","hash":"{book_hash}","bids":[{bids}],"asks":[{asks}]'
            f',"min_order_size":"{MIN_ORDER_SIZE}","tick_size":"{PRICES[self.tick]}"{self._terms}{self.last_trade}"'
            f"{self.version_field}}}"
        )

    def hash(self, leg: int) -> str:
        """SHA-1 hex of the token's book by the exchange's published recipe, as changed by what enters the hash."""
        text = self.body(leg, "")
        if self.hashed[leg]:
            text = mutated_text(text, self.hashed[leg])
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
