"""Gamma's endpoints: objects by slug, lists with their filters and pages, series, search.

Everything is a function of the calendar, the prices, the clock and the `listing` faults of the one answer; the HTTP
side only passes the query on.
"""

from typing import Literal

from common.simulation.faults.mutations import Document
from common.simulation.gamma.lies import Lies
from common.simulation.gamma.objects import GammaObjects, series_object
from common.simulation.gamma.query import (
    Query,
    QueryError,
    cursor_at,
    filters_of,
    first,
    limit_of,
    ordered,
    start_of,
)
from common.simulation.listed import Listed
from common.simulation.markets.listing import Listing

Kind = Literal["markets", "events"]
FOUND_LIMIT = 5  # of a search, where it asks for no other


class LastPageError(Exception):
    """The last page of a list fails with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the last page fails with {status}")
        self.status = status


class Gamma:
    """One answer about the markets of a model; `now_s` is seconds since the epoch, `lies` what is wrong with it."""

    def __init__(self, model: Listed, now_s: float, lies: Lies | None = None) -> None:
        self._model = model
        self._now_s = now_s
        self._lies = lies or Lies()

    def by_slug(self, kind: Kind, slug: str) -> Document | None:
        """`/markets/slug/S` and `/events/slug/S`: the object whatever its state, or None."""
        calendar, objects = self._model.calendar, GammaObjects(self._model, self._lies.for_one())
        if kind == "markets":
            listing = calendar.by_slug.get(slug)
            return None if listing is None else objects.market(listing, self._now_s)
        event = calendar.events.get(slug)
        return None if event is None else objects.event(event, self._now_s)

    def listed(self, kind: Kind, query: Query) -> list[Document]:
        """`/markets` and `/events`: without `closed=true` the closed ones are left out. Raises QueryError."""
        found = self._select(kind, {"closed": ["false"], **query})
        return self._shown(kind, found[: limit_of(query)])

    def page(self, kind: Kind, query: Query) -> Document:
        """`/markets/keyset` or `/events/keyset`; no `next_cursor` on the last page.

        Raises QueryError, or LastPageError where that is the fault.
        """
        found = self._select(kind, query)
        start, limit = start_of(query), limit_of(query)
        if self._lies.first("same_page"):
            start = 0
        broken = self._lies.first("last_page_fails")
        is_last = start + limit >= len(found)
        if broken and start and is_last:
            raise LastPageError(broken.status)
        page: Document = {kind: self._shown(kind, found[start : start + limit])}
        if not is_last:
            page["next_cursor"] = cursor_at(start + limit)
        return page

    def series(self, query: Query) -> list[Document]:
        """`/series`: all, or those with these slugs."""
        slugs = query.get("slug", ())
        lost = {fault.tag for fault in self._lies.all("lost_tag") if not fault.slug}
        return [
            series_object(series)
            for series in self._model.series
            if series.slug not in lost and (not slugs or series.slug in slugs)
        ]

    def search(self, query: Query) -> Document:
        """`/public-search`: open events whose title or slug holds every word of `q`. Raises QueryError."""
        words = first(query, "q").lower().split()
        if not words:
            raise QueryError("q is required")
        found = [
            listing
            for listing in self._select("events", {"closed": ["false"], "order": ["endDate"]})
            if all(word in f"{listing.event.title} {listing.event.slug}".lower() for word in words)
        ]
        limit = first(query, "limit_per_type", str(FOUND_LIMIT))
        shown = found[: limit_of({"limit": [limit]})]
        return {
            "events": self._shown("events", shown),
            "tags": None,
            "profiles": None,
            "pagination": {"hasMore": len(shown) < len(found), "totalResults": len(found)},
        }

    def _select(self, kind: Kind, query: Query) -> list[Listing]:
        """An event is found by its first market, under its own slug and id."""
        if self._lies.first("empty"):
            return []
        calendar = self._model.calendar
        if kind == "markets":
            found = self._lies.without_missing(calendar.by_slug.values())
        else:
            kept = (self._lies.without_missing(listings)[:1] for listings in calendar.by_event.values())
            found = [listing for heads in kept for listing in heads]
        filters = filters_of(
            query,
            self._now_s,
            slug_of=lambda listing: listing.slug if kind == "markets" else listing.event.slug,
            condition_of=self._lies.condition_id,
        )
        for passes in filters:
            found = [listing for listing in found if passes(listing)]
        found = self._without_lost(found, query)
        listed = ordered(found, query, lambda listing: listing.id if kind == "markets" else listing.event.id)
        return listed[::-1] if self._lies.first("wrong_order") else listed

    def _without_lost(self, found: list[Listing], query: Query) -> list[Listing]:
        """What a list by tag or series still finds."""
        names = {series.slug for series in self._model.series if series.id == first(query, "series_id")}
        names |= {first(query, "tag_slug")}
        return [one for one in found if not any(self._lies.has_lost(name, one) for name in names)]

    def _shown(self, kind: Kind, listings: list[Listing]) -> list[Document]:
        objects = GammaObjects(self._model, self._lies)
        if kind == "markets":
            return [objects.market(listing, self._now_s) for listing in listings]
        return [objects.event(listing.event, self._now_s) for listing in listings]
