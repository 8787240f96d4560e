"""A price that wanders, and what it makes of the chance that a window ends above its opening."""

import math
from random import Random

from common.simulation.markets.book import ONE
from common.simulation.markets.listing import Listing
from common.simulation.markets.windows import HISTORY_WINDOWS

STEP_MS = 200
WINDOW_DEVIATION = 0.0012  # of the price over one window of the shortest series
OPENING_USD = 65_000.0  # only its relative changes count
NEAREST = ONE // 200  # no outcome is worth less before it is decided
STANDING_SWING = 0.15  # of the worth of a market without a window
STANDING_PERIOD_S = 600


class Wander:
    """The price path of one asset: a function of the generator and of the clock's steps."""

    def __init__(self, chance: Random, base_seconds: int, now_ms: int) -> None:
        self._chance = chance
        self._base_ms = base_seconds * 1000
        self._step_deviation = WINDOW_DEVIATION * math.sqrt(STEP_MS / self._base_ms)
        self._at_ms = now_ms - now_ms % STEP_MS
        self.price = OPENING_USD
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

    def winner(self, start: int, end: int) -> int:
        """0 (Up) when the window closed at or above its opening, else 1; before its end by the price now."""
        opened = self._at_boundary.get(start, self.price)
        return int(self._at_boundary.get(end, self.price) < opened)

    def fair(self, start: int, end: int, now_ms: int) -> int:
        """What Up is worth now, in ten-thousandths, NEAREST to ONE - NEAREST; a half before the window starts."""
        now_s = now_ms / 1000
        if now_s < start:
            return ONE // 2
        if now_s >= end:
            return NEAREST if self.winner(start, end) else ONE - NEAREST
        distance = math.log(self.price / self._at_boundary.get(start, self.price))
        remaining = max(end - now_s, 0.5) * 1000 / self._base_ms
        chance = 0.5 * (1 + math.erf(distance / (WINDOW_DEVIATION * math.sqrt(2 * remaining))))
        return min(max(round(chance * ONE), NEAREST), ONE - NEAREST)


def standing_fair(listing: Listing, now_ms: int) -> int:
    """What the first outcome of a market without a window is worth: it swings slowly about its worth."""
    turn = now_ms / 1000 / STANDING_PERIOD_S + int(listing.id)
    return min(
        max(round(listing.worth * (1 + STANDING_SWING * math.sin(turn)) * ONE), NEAREST), ONE - NEAREST
    )
