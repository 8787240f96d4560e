"""Gamma's endpoints: objects by slug, lists with their filters and pages, series, search.

Everything is a function of the calendar, the prices and the clock; the HTTP side only passes the query on.
"""

from typing import Literal

from common.simulation.gamma_objects import Document, GammaObjects, series_object
from common.simulation.gamma_query import (
    Query,
    QueryError,
    cursor_at,
    filters_of,
    first,
    limit_of,
    ordered,
    start_of,
)
from common.simulation.listing import Listing
from common.simulation.model import MarketModel
from common.simulation.windows import SERIES

Kind = Literal["markets", "events"]
FOUND_LIMIT = 5  # of a search, where it asks for no other


class Gamma:
    """Answers about the markets of a model; `now_s` is seconds since the epoch."""

    def __init__(self, model: MarketModel) -> None:
        self._model = model
        self._objects = GammaObjects(model)

    def by_slug(self, kind: Kind, slug: str, now_s: float) -> Document | None:
        """`/markets/slug/S` and `/events/slug/S`: the object whatever its state, or None."""
        calendar = self._model.calendar
        if kind == "markets":
            return self._objects.market(calendar.by_slug[slug], now_s) if slug in calendar.by_slug else None
        return self._objects.event(calendar.events[slug], now_s) if slug in calendar.events else None

    def listed(self, kind: Kind, query: Query, now_s: float) -> list[Document]:
        """`/markets` and `/events`: without `closed=true` the closed ones are left out. Raises QueryError."""
        found = self._select(kind, {"closed": ["false"], **query}, now_s)
        return self._shown(kind, found[: limit_of(query)], now_s)

    def page(self, kind: Kind, query: Query, now_s: float) -> Document:
        """`/markets/keyset` or `/events/keyset`; no `next_cursor` on the last page. Raises QueryError."""
        found = self._select(kind, query, now_s)
        start, limit = start_of(query), limit_of(query)
        page: Document = {kind: self._shown(kind, found[start : start + limit], now_s)}
        if start + limit < len(found):
            page["next_cursor"] = cursor_at(start + limit)
        return page

    def series(self, query: Query) -> list[Document]:
        """`/series`: all, or those with these slugs."""
        slugs = query.get("slug", ())
        return [series_object(series) for series in SERIES if not slugs or series.slug in slugs]

    def search(self, query: Query, now_s: float) -> Document:
        """`/public-search`: open events whose title or slug holds every word of `q`. Raises QueryError."""
        words = first(query, "q").lower().split()
        if not words:
            raise QueryError("q is required")
        found = [
            listing
            for listing in self._select("events", {"closed": ["false"], "order": ["endDate"]}, now_s)
            if all(word in f"{listing.event.title} {listing.event.slug}".lower() for word in words)
        ]
        limit = first(query, "limit_per_type", str(FOUND_LIMIT))
        shown = found[: limit_of({"limit": [limit]})]
        return {
            "events": self._shown("events", shown, now_s),
            "tags": None,
            "profiles": None,
            "pagination": {"hasMore": len(shown) < len(found), "totalResults": len(found)},
        }

    def _select(self, kind: Kind, query: Query, now_s: float) -> list[Listing]:
        """An event is found by its first market, under its own slug and id."""
        calendar = self._model.calendar
        if kind == "markets":
            found = list(calendar.by_slug.values())
            filters = filters_of(query, now_s, lambda listing: listing.slug)
        else:
            found = [listings[0] for listings in calendar.by_event.values()]
            filters = filters_of(query, now_s, lambda listing: listing.event.slug)
        for passes in filters:
            found = [listing for listing in found if passes(listing)]
        return ordered(found, query, lambda listing: listing.id if kind == "markets" else listing.event.id)

    def _shown(self, kind: Kind, listings: list[Listing], now_s: float) -> list[Document]:
        if kind == "markets":
            return [self._objects.market(listing, now_s) for listing in listings]
        return [self._objects.event(listing.event, now_s) for listing in listings]
