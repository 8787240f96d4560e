"""The whole simulated exchange without any I/O: markets that roll with the clock, and their frames."""

import itertools
from collections.abc import Iterable, Sequence
from random import Random

from common.simulation.faults.catalogue import Fault
from common.simulation.faults.shapes import Shapes
from common.simulation.listed import RestBook
from common.simulation.markets import frames
from common.simulation.markets.calendar import Calendar
from common.simulation.markets.frames import Frame
from common.simulation.markets.listing import Listing, Protocols
from common.simulation.markets.market import SimulatedMarket
from common.simulation.markets.wander import OPENING_USD, Wander, standing_fair
from common.simulation.markets.windows import SERIES
from common.simulation.resolutions import Resolutions, Teller

ACTIVITY = (1, 20, 4)  # share of the traffic before, during and after a window
STANDING_ACTIVITY = 4  # that of a market without a window


class MarketModel:
    """Every market that has been looked at, made from seed and clock (ms since the epoch)."""

    def __init__(
        self, seed: int, base_seconds: int, now_ms: int, *, protocols: Protocols = "mixed", more: int = 0
    ) -> None:
        self._seed = seed
        self._base_seconds = base_seconds
        self._chance = Random(f"{seed} exchange")  # noqa: S311 - a simulation, no secret
        self._first_start = now_ms // 1000
        self._markets: dict[str, SimulatedMarket] = {}
        self._watched: list[SimulatedMarket] = []
        self._weights: list[int] = []
        self._announced: Listing | None = None
        self._wanders = {
            asset: Wander(Random(f"{seed} price of {asset}"), base_seconds, now_ms, opening_usd=opening)  # noqa: S311
            for asset, opening in OPENING_USD.items()
        }
        self.series = SERIES
        self.shapes = Shapes()
        self._resolutions = Resolutions()
        self.calendar = Calendar(seed, base_seconds, now_ms / 1000, protocols=protocols, more=more)

    def market(self, token_id: str, now_ms: int) -> SimulatedMarket | None:
        """The active market of a token; None when it is unknown or settled."""
        listing = self.calendar.by_token.get(token_id)
        if listing is None:
            return None
        market = self._markets.get(listing.condition_id)
        if market is None:
            return self._open(listing, now_ms) if now_ms / 1000 < listing.settled else None
        return None if market.settled else market

    def rest_book(self, token_id: str, now_ms: int) -> RestBook | None:
        """The book of an active token as REST answers it."""
        market = self.market(token_id, now_ms)
        if market is None:
            return None
        leg = market.book.token_ids.index(token_id)
        correct = market.book.hash(leg)
        return RestBook(market.listing.slug, market.book.body(leg, correct), correct)

    def listing(self, condition_id: str) -> Listing | None:
        """The listing of a market that has been looked at."""
        market = self._markets.get(condition_id)
        return None if market is None else market.listing

    def _open(self, listing: Listing, now_ms: int) -> SimulatedMarket:
        named = listing.slug
        if listing.event.series is not None and listing.start is not None:
            length = listing.event.series.multiple * self._base_seconds
            named = f"{listing.event.series.slug} {listing.start // length - self._first_start // length}"
        chance = Random(f"{self._seed} {named}")  # noqa: S311
        made = SimulatedMarket(listing, chance, self.fair(listing, now_ms), now_ms)
        self._markets[listing.condition_id] = made
        self._set_recipe(made)
        return made

    def set_shapes(self, faults: Sequence[Fault]) -> None:
        """The mutations and resolutions among these faults hold from now on, and no others."""
        self._resolutions.set(faults)
        if self.shapes.set(faults):
            for market in self._markets.values():
                self._set_recipe(market)

    def _set_recipe(self, market: SimulatedMarket) -> None:
        slug, (one, other) = market.listing.slug, market.listing.token_ids
        market.book.hashed = self.shapes.hashed(slug, one), self.shapes.hashed(slug, other)

    def tick(self, listing: Listing) -> int:
        """The market's tick now, in ten-thousandths."""
        market = self._markets.get(listing.condition_id)
        return listing.tick if market is None else market.book.tick

    def fair(self, listing: Listing, now_ms: int) -> int:
        """What its first outcome is worth now, in ten-thousandths."""
        series, start, end = listing.event.series, listing.start, listing.end
        if series is None or start is None or end is None:
            return standing_fair(listing, now_ms)
        return self._wanders[series.asset].fair(start, end, now_ms)

    def winner(self, listing: Listing) -> int:
        """The index of the outcome that wins, as far as is known now."""
        series, window = listing.event.series, listing.window
        if series is None or window is None:
            return int(listing.worth < 0.5)
        return self._wanders[series.asset].winner(*window)

    def told_winner(self, teller: Teller, listing: Listing, now_s: float) -> int | None:
        """The index of the outcome that wins as Gamma or the data API says it; None while it says nothing of it."""
        return self._resolutions.told(teller, listing, self.winner(listing), now_s)

    def watch(self, condition_ids: Iterable[str], now_ms: int) -> None:
        """From now on traffic comes from these markets alone: those that somebody subscribes."""
        wanted = (self._markets.get(condition_id) for condition_id in condition_ids)
        self._watched = [market for market in wanted if market and not market.settled]
        shares = [_share(market.listing, now_ms / 1000) for market in self._watched]
        self._weights = list(itertools.accumulate(shares))

    def traffic(self, now_ms: int) -> list[Frame]:
        """One batch of one watched market, the current windows most often; empty when none is watched."""
        if not self._watched:
            return []
        [market] = self._chance.choices(self._watched, cum_weights=self._weights)
        return market.group(now_ms, self.fair(market.listing, now_ms))

    def prices(self, coin: str) -> Wander | None:
        """The prices of a coin, as in `btc`; None for one that no window is about."""
        return next((self._wanders[each.asset] for each in SERIES if each.coin == coin), None)

    def walk(self, now_ms: int) -> None:
        """Let the prices walk up to now."""
        for wander in self._wanders.values():
            wander.advance(now_ms)

    def advance(self, now_ms: int) -> list[Frame]:
        """Let prices walk and windows end; gives late repeats and the last words of markets."""
        self.walk(now_ms)
        made: list[Frame] = []
        for market in self._watched:
            made += market.repeats(now_ms)
        for market in list(self._markets.values()):
            if not market.settled and now_ms / 1000 >= market.listing.settled:
                made += market.settle(now_ms, self.winner(market.listing))
        return made

    def roll(self, now_ms: int) -> None:
        """List new windows and forget those that ended long ago; once a second is often enough."""
        self.calendar.roll(now_ms / 1000)
        gone = [market.listing for market in self._markets.values()]
        for listing in gone:
            if listing.slug not in self.calendar.by_slug:
                del self._markets[listing.condition_id]

    def announcement(self, now_ms: int) -> Frame:
        """One frame of the new_market feed: far windows, each announced several times."""
        if self._announced is None or self._chance.random() < 0.3:
            listed = self.calendar.by_slug.values()
            self._announced = self._chance.choice(
                [listing for listing in listed if (listing.start or 0) > now_ms / 1000]
            )
        return frames.new_market(self._announced, now_ms, encoded_lists=self._chance.random() < 0.3)


def _share(listing: Listing, now_s: float) -> int:
    if listing.window is None:
        return STANDING_ACTIVITY
    start, end = listing.window
    return ACTIVITY[(now_s >= start) + (now_s >= end)]
