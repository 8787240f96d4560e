"""Every market that is listed now; windows come and go with the clock."""

from collections import deque

from common.simulation.markets.listing import Event, Listing, Protocols, Series
from common.simulation.markets.standing import standing_markets
from common.simulation.markets.windows import DAY_WINDOWS, HISTORY_WINDOWS, SERIES, make_window


class Calendar:
    """The listed markets by slug, by token and by event. `roll` must be called before the first look."""

    def __init__(
        self, seed: int, base_seconds: int, now_s: float, *, protocols: Protocols = "mixed", more: int = 0
    ) -> None:
        self._seed = seed
        self._protocols = protocols
        self.base_seconds = base_seconds
        self.by_slug: dict[str, Listing] = {}
        self.by_token: dict[str, Listing] = {}
        self.events: dict[str, Event] = {}
        self.by_event: dict[str, list[Listing]] = {}
        self._rows: dict[str, deque[Listing]] = {series.slug: deque() for series in SERIES}
        for listing in standing_markets(seed, protocols, now_s, more=more):
            self._add(listing)
        self.roll(now_s)

    def roll(self, now_s: float) -> None:
        """List what has come into reach and forget what has long ended."""
        oldest = now_s - HISTORY_WINDOWS * self.base_seconds
        for series in SERIES:
            row = self._rows[series.slug]
            while row and (row[0].end or 0) < oldest:
                self._remove(row.popleft())
            self._extend(series, row, oldest, now_s + DAY_WINDOWS * self.base_seconds)

    def _extend(self, series: Series, row: deque[Listing], oldest: float, latest: float) -> None:
        length = series.multiple * self.base_seconds
        start = (row[-1].start or 0) + length if row else int(oldest // length) * length
        while start <= latest:
            if start + length >= oldest:
                row.append(make_window(self._seed, series, start, self.base_seconds, self._protocols))
                self._add(row[-1])
            start += length

    def _add(self, listing: Listing) -> None:
        self.by_slug[listing.slug] = listing
        self.by_token[listing.token_ids[0]] = self.by_token[listing.token_ids[1]] = listing
        self.events[listing.event.slug] = listing.event
        self.by_event.setdefault(listing.event.slug, []).append(listing)

    def _remove(self, listing: Listing) -> None:
        del self.by_slug[listing.slug], self.events[listing.event.slug], self.by_event[listing.event.slug]
        for token_id in listing.token_ids:
            del self.by_token[token_id]
