"""What was heard of each coin on each channel: whether a price is new, and who has been quiet for too long."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from common.core.reference.frames import Channel, ReferencePrice

Verdict = Literal["new", "repeated", "disordered"]


class Heard:
    """Of one session. Times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self._newest: dict[tuple[Channel, str], tuple[int, Decimal]] = {}
        self._at_ns: dict[tuple[Channel, str], int] = {}

    def wanted(self, channels: Iterable[Channel], coins: Iterable[str], now_ns: int) -> None:
        """These are subscribed from now on."""
        known = list(coins)
        for channel in channels:
            for coin in known:
                self._at_ns.setdefault((channel, coin), now_ns)

    def note(self, price: ReferencePrice, now_ns: int) -> Verdict:
        """Take a price in. One that is older than the newest of its kind is out of order, the same one repeated."""
        key = price.channel, price.coin
        self._at_ns[key] = now_ns
        place = price.number or price.at_ns or 0
        newest = self._newest.get(key)
        if newest is not None and place < newest[0]:
            return "disordered"
        self._newest[key] = place, price.value
        return "repeated" if newest == (place, price.value) else "new"

    def quiet(self, now_ns: int, limit_ns: int) -> tuple[str, ...]:
        """The coins, each with its channel, of which nothing came for so long."""
        late = [key for key, at_ns in self._at_ns.items() if now_ns - at_ns > limit_ns]
        return tuple(f"{coin} {channel}" for channel, coin in sorted(late))
