"""The whole simulated exchange without any I/O: markets that roll with the clock, and their frames."""

import itertools
from collections.abc import Iterable
from random import Random

from common.simulation import frames
from common.simulation.frames import Frame
from common.simulation.market import SimulatedMarket
from common.simulation.wander import Wander
from common.simulation.windows import Calendar, Window

ACTIVITY = (1, 20, 4)  # share of the traffic before, during and after a window


class MarketModel:
    """Every market that has been looked at, made from seed and clock (ms since the epoch)."""

    def __init__(self, seed: int, base_seconds: int, now_ms: int) -> None:
        self._seed = seed
        self._base_seconds = base_seconds
        self._chance = Random(f"{seed} exchange")  # noqa: S311 - a simulation, no secret
        self._first_start = now_ms // 1000
        self._markets: dict[str, SimulatedMarket] = {}
        self._watched: list[SimulatedMarket] = []
        self._weights: list[int] = []
        self._announced: Window | None = None
        self.wander = Wander(Random(f"{seed} price"), base_seconds, now_ms)  # noqa: S311
        self.calendar = Calendar(seed, base_seconds)
        self.calendar.roll(now_ms / 1000)

    def market(self, token_id: str, now_ms: int) -> SimulatedMarket | None:
        """The active market of a token; None when it is unknown or settled."""
        window = self.calendar.by_token.get(token_id)
        if window is None:
            return None
        market = self._markets.get(window.condition_id)
        if market is None:
            return self._open(window, now_ms) if now_ms / 1000 < window.settled else None
        return None if market.settled else market

    def _open(self, window: Window, now_ms: int) -> SimulatedMarket:
        length = window.series.multiple * self._base_seconds
        position = window.start // length - self._first_start // length
        chance = Random(f"{self._seed} {window.series.slug} {position}")  # noqa: S311
        made = SimulatedMarket(window, chance, self.wander.fair(window, now_ms), now_ms)
        self._markets[window.condition_id] = made
        return made

    def watch(self, condition_ids: Iterable[str], now_ms: int) -> None:
        """From now on traffic comes from these markets alone: those that somebody subscribes."""
        wanted = (self._markets.get(condition_id) for condition_id in condition_ids)
        self._watched = [market for market in wanted if market and not market.settled]
        now_s = now_ms / 1000
        shares = [
            ACTIVITY[(now_s >= market.window.start) + (now_s >= market.window.end)]
            for market in self._watched
        ]
        self._weights = list(itertools.accumulate(shares))

    def traffic(self, now_ms: int) -> list[Frame]:
        """One batch of one watched market, the current windows most often; empty when none is watched."""
        if not self._watched:
            return []
        [market] = self._chance.choices(self._watched, cum_weights=self._weights)
        return market.group(now_ms, self.wander.fair(market.window, now_ms))

    def advance(self, now_ms: int) -> list[Frame]:
        """Let the price walk and the windows roll; gives late repeats and the last words of markets."""
        self.wander.advance(now_ms)
        made: list[Frame] = []
        for market in self._watched:
            made += market.repeats(now_ms)
        for market in list(self._markets.values()):
            if not market.settled and now_ms / 1000 >= market.window.settled:
                made += market.settle(now_ms, self.wander.winner(market.window))
        return made

    def roll(self, now_ms: int) -> None:
        """List new windows and forget those that ended long ago; once a second is often enough."""
        self.calendar.roll(now_ms / 1000)
        known = {window.condition_id for window in self.calendar.by_slug.values()}
        for gone in self._markets.keys() - known:
            del self._markets[gone]

    def announcement(self, now_ms: int) -> Frame:
        """One frame of the new_market feed: far windows, each announced several times."""
        if self._announced is None or self._chance.random() < 0.3:
            ahead = [window for window in self.calendar.by_slug.values() if window.start > now_ms / 1000]
            self._announced = self._chance.choice(ahead)
        return frames.new_market(self._announced, now_ms, encoded_lists=self._chance.random() < 0.3)
