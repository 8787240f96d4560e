"""An exchange's book of one token whose objects and hashes are made in any way: what it says tomorrow, perhaps."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

Object = dict[str, Any]
_FIRST_KEYS = (
    "market",
    "asset_id",
    "timestamp",
    "hash",
    "bids",
    "asks",
    "min_order_size",
    "tick_size",
    "neg_risk",
)
_WEBSOCKET_ONLY_REST = ("min_order_size", "neg_risk")


def hash_of(text: str) -> str:
    """SHA-1 hex, as the exchange takes it."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def unchanged(book: Object) -> Object:
    """Nothing about the object is another."""
    return book


class World:
    """One token. `told` are more keys of its objects, `hashed_end` the keys that are hashed behind `neg_risk`.

    `shows` and `shows_rest` make the objects that are sent of those that would be sent today, `hashes` the same for
    the object that is hashed: with the same function in all the change enters the hash.
    """

    def __init__(
        self,
        *,
        token: str = "7" * 40,
        market: str = "0x" + "ab" * 32,
        tick_size: str = "0.01",
        told: Mapping[str, Any] | None = None,
        hashed_end: tuple[str, ...] = ("last_trade_price",),
        shows: Callable[[Object], Object] = unchanged,
        shows_rest: Callable[[Object], Object] = unchanged,
        hashes: Callable[[Object], Object] = unchanged,
    ) -> None:
        self.token, self.market, self.tick_size = token, market, tick_size
        self.told, self.hashed_end = dict(told or {}), hashed_end
        self.shows, self.shows_rest, self.hashes = shows, shows_rest, hashes
        self.bids, self.asks = {"0.42": "10", "0.40": "5"}, {"0.44": "7"}
        self.now_ms, self.trade = 1_000_000, "0.430"

    def _whole(self) -> Object:
        book: Object = {
            "market": self.market,
            "asset_id": self.token,
            "timestamp": str(self.now_ms),
            "hash": "",
            "bids": [{"price": price, "size": self.bids[price]} for price in sorted(self.bids, key=float)],
            "asks": [
                {"price": price, "size": self.asks[price]}
                for price in sorted(self.asks, key=float, reverse=True)
            ],
            "min_order_size": "5",
            "tick_size": self.tick_size,
            "neg_risk": False,
            "last_trade_price": self.trade,
        }
        return {**book, **self.told}

    def text(self) -> str:
        """What is hashed now."""
        whole = self._whole()
        hashed = self.hashes({key: whole[key] for key in (*_FIRST_KEYS, *self.hashed_end)})
        return json.dumps(
            {key: "" if key == "hash" else hashed[key] for key in hashed}, separators=(",", ":")
        )

    def stated(self) -> str:
        """The hash that the exchange states now."""
        return hash_of(self.text())

    def rest(self) -> Object:
        """The book as REST answers it."""
        return self.shows_rest({**self._whole(), "hash": self.stated()})

    def snapshot(self) -> Object:
        """The opening book of the websocket, without its kind."""
        book = {**self._whole(), "hash": self.stated()}
        return self.shows({key: book[key] for key in book if key not in _WEBSOCKET_ONLY_REST})

    def change(self, price: str, size: str) -> Object:
        """A bid gets this size a moment later, and so it is told."""
        self.now_ms += 10
        self.bids[price] = size
        entry = {"asset_id": self.token, "price": price, "size": size, "side": "BUY", "hash": self.stated()}
        entry |= {"best_bid": max(self.bids, key=float), "best_ask": min(self.asks, key=float)}
        return {
            "event_type": "price_change",
            "market": self.market,
            "timestamp": str(self.now_ms),
            "price_changes": [entry],
        }
