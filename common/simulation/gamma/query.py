"""The queries of Gamma's lists: filters, order, page. Names that Gamma does not know are ignored, as it does.

A filter by date leaves out what has no date, and an order by date puts it last, as a database does with NULL.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from common.core.instants import parse_utc_ns
from common.simulation.markets.listing import Listing

PAGE_LIMIT = 100
CONDITIONS_LIMIT = 100
Query = Mapping[str, Sequence[str]]
Filter = Callable[[Listing], bool]
NS = 1_000_000_000


class QueryError(ValueError):
    """A query that Gamma answers with 422."""


def first(query: Query, name: str, default: str = "") -> str:
    """The first value of a name, as Gamma takes it where one value is enough."""
    return query.get(name, [default])[0]


def filters_of(
    query: Query, now_s: float, *, slug_of: Callable[[Listing], str], condition_of: Callable[[Listing], str]
) -> list[Filter]:
    """What a listing must pass; the two functions give what `slug` and `condition_ids` ask for. Raises QueryError.

    A condition id must be asked for as Gamma itself says it: the other width of a v2 one finds nothing.
    """
    filters: list[Filter] = []
    if slugs := frozenset(query.get("slug", ())):
        filters.append(lambda listing: slug_of(listing) in slugs)
    if conditions := frozenset(query.get("condition_ids", ())):
        if len(conditions) > CONDITIONS_LIMIT:
            raise QueryError("too many condition_ids")
        filters.append(lambda listing: condition_of(listing) in conditions)
    if series := first(query, "series_id"):
        filters.append(lambda listing: listing.event.series is not None and listing.event.series.id == series)
    if tag := first(query, "tag_slug"):
        filters.append(lambda listing: any(slug == tag for _, slug in listing.event.tags))
    if closed := first(query, "closed").lower():
        filters.append(lambda listing: (now_s >= listing.closed) == (closed == "true"))
    if active := first(query, "active").lower():
        filters.append(lambda _: active == "true")
    return filters + _date_filters(query)


def _date_filters(query: Query) -> list[Filter]:
    filters: list[Filter] = []
    if earliest := first(query, "end_date_min"):
        from_s = _instant(earliest)
        filters.append(lambda listing: listing.end is not None and listing.end >= from_s)
    if latest := first(query, "end_date_max"):
        until_s = _instant(latest)
        filters.append(lambda listing: listing.end is not None and listing.end <= until_s)
    return filters


def ordered(listings: Iterable[Listing], query: Query, id_of: Callable[[Listing], str]) -> list[Listing]:
    """The listings in the order that was asked for; `id_of` gives the id of what is listed."""
    keys: dict[str, Callable[[Listing], Any]] = {
        "id": lambda listing: int(id_of(listing)),
        "endDate": lambda listing: (listing.end is None, listing.end or 0),
        "startDate": lambda listing: listing.created,
    }
    key = keys.get(first(query, "order", "id"), keys["endDate"])
    backwards = first(query, "ascending", "true").lower() == "false"
    return sorted(listings, key=lambda listing: (key(listing), listing.slug), reverse=backwards)


def limit_of(query: Query) -> int:
    """How many objects a page holds. Raises QueryError."""
    text = first(query, "limit", "20")
    if not text.isdecimal():
        raise QueryError(f"invalid limit: {text}")
    return min(max(int(text), 1), PAGE_LIMIT)


def start_of(query: Query) -> int:
    """Where the page begins that the cursor names. Raises QueryError."""
    text = first(query, "after_cursor")
    try:
        return int(base64.urlsafe_b64decode(text)) if text else 0
    except (binascii.Error, ValueError) as error:
        raise QueryError("invalid after_cursor") from error


def cursor_at(start: int) -> str:
    """The cursor of the page that begins there."""
    return base64.urlsafe_b64encode(str(start).encode()).decode()


def _instant(text: str) -> float:
    try:
        return parse_utc_ns(text) / NS
    except ValueError as error:
        raise QueryError(f"invalid date: {text}") from error
