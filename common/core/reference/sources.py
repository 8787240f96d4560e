"""The two places that reference prices come from, what each is asked for, and what is said to it."""

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, get_args

import msgspec

from common.core.discovery.rolling_series import coin_of
from common.core.market import Market
from common.core.reference.frames import Channel

Place = Literal["rtds", "binance"]
PLACES: tuple[Place, ...] = get_args(Place)
PING = "PING"  # to RTDS alone; Binance pings by itself, and takes no text that is not JSON
PING_INTERVAL_S = 5.0
_CHANNELS: dict[Place, dict[Channel, str]] = {
    "rtds": {"chainlink": "crypto_prices_chainlink", "twap_sixty": "crypto_prices_twap_sixty"},
    "binance": {"binance_trade": "trade", "binance_quote": "bookTicker"},
}


def place_of(name: str) -> Place:
    """The place that a process of this name records: `reference-rtds`."""
    return next(place for place in PLACES if name.endswith(f"-{place}"))


def channels_at(place: Place, wanted: Collection[Channel]) -> tuple[Channel, ...]:
    """The wanted channels that this place has."""
    return tuple(channel for channel in _CHANNELS[place] if channel in wanted)


def places_of(wanted: Collection[Channel]) -> tuple[Place, ...]:
    """The places that are needed for these channels."""
    return tuple(place for place in PLACES if channels_at(place, wanted))


def subscriptions(place: Place, coins: Sequence[str], channels: Sequence[Channel]) -> list[str]:
    """The texts that subscribe all channels of these coins; several may be sent one after another."""
    if not coins:
        return []
    names = [_CHANNELS[place][channel] for channel in channels]
    if place == "rtds":
        return [_text({"action": "subscribe", "subscriptions": _of_rtds(coin, names)}) for coin in coins]
    params = [f"{coin}usdt@{name}" for coin in coins for name in names]
    return [_text({"method": "SUBSCRIBE", "params": params, "id": 1})]


def _of_rtds(coin: str, topics: Iterable[str]) -> list[dict[str, str]]:
    """A filter is JSON as a text, and takes one symbol."""
    filters = _text({"symbol": f"{coin}/usd"})
    return [{"topic": topic, "type": "*", "filters": filters} for topic in topics]


def coins_of(markets: Iterable[Market]) -> tuple[str, ...]:
    """The coins that windows among these markets are about, in alphabetical order."""
    found = (coin_of(market.slug, market.series) for market in markets)
    return tuple(sorted({coin for coin in found if coin is not None}))


def _text(message: object) -> str:
    return msgspec.json.encode(message).decode()
