"""A BTC price that wanders, and what it makes of the chance that a window ends above its opening."""

import math
from random import Random

from common.simulation.book import ONE
from common.simulation.windows import HISTORY_WINDOWS, Window

STEP_MS = 200
WINDOW_DEVIATION = 0.0012  # of the price over one window of the shortest series
BTC_USD = 65_000.0


class Wander:
    """The price path: a function of the generator and of the clock's steps."""

    def __init__(self, chance: Random, base_seconds: int, now_ms: int) -> None:
        self._chance = chance
        self._base_ms = base_seconds * 1000
        self._step_deviation = WINDOW_DEVIATION * math.sqrt(STEP_MS / self._base_ms)
        self._at_ms = now_ms - now_ms % STEP_MS
        self.price = BTC_USD
        self._at_boundary: dict[int, float] = {}
        boundary = now_ms - now_ms % self._base_ms
        price = self.price
        for back in range(HISTORY_WINDOWS + 8):
            price *= math.exp(chance.gauss(0, WINDOW_DEVIATION))
            self._at_boundary[(boundary - back * self._base_ms) // 1000] = price

    def advance(self, now_ms: int) -> None:
        """Walk up to now; the price at each window's border is kept."""
        while self._at_ms + STEP_MS <= now_ms:
            self._at_ms += STEP_MS
            self.price *= math.exp(self._chance.gauss(0, self._step_deviation))
            if self._at_ms % self._base_ms == 0:
                self._at_boundary[self._at_ms // 1000] = self.price
                oldest = self._at_ms // 1000 - (HISTORY_WINDOWS + 8) * self._base_ms // 1000
                self._at_boundary.pop(oldest, None)

    def winner(self, window: Window) -> int:
        """0 (Up) when the window closed at or above its opening, else 1; before its end by the price now."""
        opened = self._at_boundary.get(window.start, self.price)
        return int(self._at_boundary.get(window.end, self.price) < opened)

    def fair(self, window: Window, now_ms: int) -> int:
        """What Up is worth now, in thousandths, 5 to 995; 500 before the window starts."""
        now_s = now_ms / 1000
        if now_s < window.start:
            return ONE // 2
        if now_s >= window.end:
            return 5 if self.winner(window) else 995
        distance = math.log(self.price / self._at_boundary.get(window.start, self.price))
        remaining = max(window.end - now_s, 0.5) * 1000 / self._base_ms
        chance = 0.5 * (1 + math.erf(distance / (WINDOW_DEVIATION * math.sqrt(2 * remaining))))
        return min(max(round(chance * ONE), 5), 995)
