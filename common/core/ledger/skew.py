"""How far apart two legs receive the same message: quantiles of any number of pairs in a few hundred counters."""

from collections import Counter

_NS_PER_MS = 1_000_000
_EXACT_MS = 100  # in whole milliseconds up to here, above to two digits


class Skews:
    """Filled pair by pair."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, skew_ns: int) -> None:
        """One pair; the sign does not matter."""
        milliseconds = abs(skew_ns) // _NS_PER_MS
        step = 1
        while milliseconds // step >= _EXACT_MS:
            step *= 10
        self._counts[milliseconds // step * step] += 1

    def quantile_ms(self, share: float) -> int | None:
        """What so large a share of the pairs does not exceed, None without pairs."""
        left = share * self._counts.total()
        for milliseconds, pairs in sorted(self._counts.items()):
            left -= pairs
            if left <= 0:
                return milliseconds
        return None
