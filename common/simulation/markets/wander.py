"""A price that wanders, its average over a minute, and what that makes of a window: the average settles it."""

import math
from collections import deque
from random import Random

import msgspec

from common.simulation.markets.book import ONE
from common.simulation.markets.listing import Listing
from common.simulation.markets.windows import HISTORY_WINDOWS

STEP_MS = 200
WINDOW_DEVIATION = 0.0012  # of the price over one window of the shortest series
OPENING_USD = {"Bitcoin": 65_000.0, "Ethereum": 3_200.0, "Solana": 140.0}
UNITS = 10**8  # of a dollar: prices are told, averaged and compared in whole units
AVERAGED_SHARE = 0.2  # of the shortest window: a minute of five
SECONDS_KEPT = 180
NEAREST = ONE // 200  # no outcome is worth less before it is decided
STANDING_SWING = 0.15  # of the worth of a market without a window
STANDING_PERIOD_S = 600


class Second(msgspec.Struct, frozen=True):
    """What holds at a whole second (ms since the epoch): the price, and its average; both in units."""

    at_ms: int
    price: int
    average: int


class Wander:
    """The price path of one asset: a function of the generator and of the clock's steps.

    `seconds` are the newest; the average at the border of a window is what settles it.
    """

    def __init__(
        self, chance: Random, base_seconds: int, now_ms: int, *, opening_usd: float = 65_000.0
    ) -> None:
        self._chance = chance
        self._base_ms = base_seconds * 1000
        self._step_deviation = WINDOW_DEVIATION * math.sqrt(STEP_MS / self._base_ms)
        self._at_ms = now_ms - now_ms % STEP_MS
        self.price = opening_usd
        self.averaged_s = AVERAGED_SHARE * base_seconds
        self._averaged = deque([self.price], maxlen=max(1, round(self.averaged_s * 1000 / STEP_MS)))
        self._average = round(self.price * UNITS)
        self.seconds: deque[Second] = deque(maxlen=SECONDS_KEPT)
        self._at_boundary: dict[int, int] = {}
        boundary = now_ms - now_ms % self._base_ms
        price = self.price
        for back in range(HISTORY_WINDOWS + 8):
            price *= math.exp(chance.gauss(0, WINDOW_DEVIATION))
            self._at_boundary[(boundary - back * self._base_ms) // 1000] = round(price * UNITS)

    def advance(self, now_ms: int) -> None:
        """Walk up to now; the price at each window's border is kept."""
        while self._at_ms + STEP_MS <= now_ms:
            self._at_ms += STEP_MS
            self.price *= math.exp(self._chance.gauss(0, self._step_deviation))
            self._averaged.append(self.price)
            self._average = round(sum(self._averaged) / len(self._averaged) * UNITS)
            if self._at_ms % 1000 == 0:
                self.seconds.append(Second(self._at_ms, round(self.price * UNITS), self._average))
            if self._at_ms % self._base_ms == 0:
                self._at_boundary[self._at_ms // 1000] = self._average
                oldest = self._at_ms // 1000 - (HISTORY_WINDOWS + 8) * self._base_ms // 1000
                self._at_boundary.pop(oldest, None)

    def winner(self, start: int, end: int) -> int:
        """0 (Up) when the window closed at or above its opening, else 1; before its end by the average now."""
        opened = self._at_boundary.get(start, self._average)
        return int(self._at_boundary.get(end, self._average) < opened)

    def fair(self, start: int, end: int, now_ms: int) -> int:
        """What Up is worth now, in ten-thousandths, NEAREST to ONE - NEAREST; a half before the window starts."""
        now_s = now_ms / 1000
        if now_s < start:
            return ONE // 2
        if now_s >= end:
            return NEAREST if self.winner(start, end) else ONE - NEAREST
        average = self._average
        distance = math.log(average / self._at_boundary.get(start, average))
        remaining = max(end - now_s, 0.5) * 1000 / self._base_ms
        chance = 0.5 * (1 + math.erf(distance / (WINDOW_DEVIATION * math.sqrt(2 * remaining))))
        return min(max(round(chance * ONE), NEAREST), ONE - NEAREST)


def standing_fair(listing: Listing, now_ms: int) -> int:
    """What the first outcome of a market without a window is worth: it swings slowly about its worth."""
    turn = now_ms / 1000 / STANDING_PERIOD_S + int(listing.id)
    return min(
        max(round(listing.worth * (1 + STANDING_SWING * math.sin(turn)) * ONE), NEAREST), ONE - NEAREST
    )
