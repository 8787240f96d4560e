"""Asks for the markets of a series: by its id, by the tag of its coin, by date, and window by window."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from common.core.discovery.findings import spans_of
from common.core.discovery.gamma_market import read_market, read_outline
from common.core.discovery.gamma_values import list_of, name_of, value_of
from common.core.discovery.market_window import series_named, series_of, window_of
from common.core.discovery.offers import Offer
from common.core.discovery.outcome_ids import UnreadableError
from common.core.discovery.rolling_series import (
    Span,
    expected_spans,
    has_computable_slugs,
    is_rolling,
    other_alignments,
    slug_at,
    span_in_seconds,
    tag_of,
    window_seconds,
)
from common.core.discovery.wanted_markets import Item
from common.core.instants import NS_PER_SECOND
from common.core.market import Market
from common.polymarket.gamma.client import NoAnswerError, Query, date_text
from common.polymarket.gamma.gathered import OPEN, Gathered

MOST_SLUGS = 24  # of one series that are asked for one by one in one discovery


class Reach(msgspec.Struct, frozen=True):
    """Which windows may be recorded: those that ended no longer ago, and begin no later, than this."""

    now_ns: int
    grace_seconds: float
    lookahead_seconds: float

    def ends(self, longest_window_seconds: float) -> Query:
        """The filter of a listing for windows of at most this length."""
        first = self.now_ns - int(self.grace_seconds * NS_PER_SECOND)
        last = self.now_ns + int((self.lookahead_seconds + longest_window_seconds) * NS_PER_SECOND)
        return {"end_date_min": date_text(first), "end_date_max": date_text(last)}


class SeriesSource:
    """Asks for one series after another; a question that fails is replaced by the next."""

    def __init__(
        self, gathered: Gathered, reach: Reach, series_ids: dict[str, str], before: tuple[Market, ...]
    ) -> None:
        """`series_ids` are Gamma's own, by slug: what is learned of them is kept there. `before` is recorded now."""
        self._gathered = gathered
        self._reach = reach
        self._ids = series_ids
        self._before = before

    def ask(self, item: Item) -> tuple[bool | None, str]:
        """Whether the series exists (None: not known), and what could not be asked. Raises DiscoveryError."""
        failures: list[str] = []
        questions: list[Callable[[Item], list[Offer] | None]] = [self._by_series_id]
        if is_rolling(item.name):
            questions += [self._by_coin_tag, self._by_end_date]
        found: list[Offer] = []
        for question in questions:
            try:
                offers = question(item)
            except NoAnswerError as error:
                failures.append(str(error))
                continue
            found += offers or ()
            if any(_is_of(offer, item.name) for offer in offers or ()):
                failures = []
                break
        self._gathered.offers += found
        by_slug = self._missing_windows(item, found, failures)
        is_seen = any(_is_of(offer, item.name) for offer in found) or by_slug
        exists = is_seen or item.name in self._ids or any(known.series == item.name for known in self._before)
        return (True if exists else None if failures else False), "; ".join(failures[:1])

    def _by_series_id(self, item: Item) -> list[Offer] | None:
        remembered = self._ids.get(item.name)
        offers = self._listed_by_id(item, remembered) if remembered is not None else None
        if any(_is_of(offer, item.name) for offer in offers or ()):
            return offers
        self._ids.pop(item.name, None)  # perhaps it has another now
        found = self._find_series_id(item.name)
        return offers if found in (None, remembered) else self._listed_by_id(item, str(found))

    def _listed_by_id(self, item: Item, series_id: str) -> list[Offer] | None:
        ends = self._reach.ends(window_seconds(item.name) or 0) if is_rolling(item.name) else {}
        events = self._gathered.events_listed({"series_id": series_id, **OPEN, **ends})
        if events is None:
            return None
        named = [series for event in events for series in series_named(event)]
        label = (
            item.label if all(series == item.name for series in named) else ""
        )  # "": the filter is ignored
        return [Offer(raw, label) for event in events for raw in self._gathered.markets_of(event)]

    def _find_series_id(self, name: str) -> str | None:
        for holder in self._holders_of_series(name):
            for series in list_of(value_of(holder, "series")) or [holder]:
                if not isinstance(series, dict) or value_of(series, "slug") != name:
                    continue
                if found := name_of(value_of(series, "id")):
                    self._ids[name] = found
                    return found
        return None

    def _holders_of_series(self, name: str) -> Iterable[dict[str, Any]]:
        span = next(iter(self._expected(name, ())), None)
        if span is not None:
            with contextlib.suppress(NoAnswerError):
                event = self._gathered.object_named("/events", slug_at(name, span.start))
                yield from [event] if event is not None else []
        listed = self._gathered.gamma.object_at(
            "/series", {"slug": name, "limit": "1", "exclude_events": "true"}
        )
        yield from (entry for entry in listed if isinstance(entry, dict)) if isinstance(listed, list) else ()

    def _by_coin_tag(self, item: Item) -> list[Offer] | None:
        tag = tag_of(item.name) or ""
        return self._general({"tag_slug": tag, **OPEN, **self._reach.ends(window_seconds(item.name) or 0)})

    def _by_end_date(self, item: Item) -> list[Offer] | None:
        return self._general({**OPEN, **self._reach.ends(window_seconds(item.name) or 0)})

    def _general(self, query: Query) -> list[Offer] | None:
        listing = self._gathered.gamma.listing("/markets/keyset", query)
        if listing is None:
            return None
        for raw in listing.objects:
            if isinstance(raw, dict):
                self._gathered.offered_names |= series_named(raw)
        return [Offer(raw) for raw in listing.objects]

    def _missing_windows(self, item: Item, found: list[Offer], failures: list[str]) -> bool:
        """Ask one by one for the windows that must be there and are not, or not as open ones; whether one came.

        If all came, the failures of the listings have cost nothing.
        """
        if not has_computable_slugs(item.name):
            return False
        known = [span for offer in found if (span := _span(offer, item.name))]
        listed = {slug for offer in found if (slug := _sound_slug(offer, item.name))}
        listed |= {market.slug for market in self._before}
        expected = self._expected(item.name, [*known, *spans_of(self._before, item.name)])
        missing = [span for span in expected if slug_at(item.name, span.start) not in listed][:MOST_SLUGS]
        found_all, came = True, False
        for place, span in enumerate(missing):
            others = other_alignments(item.name, span) if span == expected[0] and not known else ()
            if place >= 1 and not came and not known:
                break  # it has no such windows, or none of its names are as expected
            is_there = any(self._window(item, slug_at(item.name, each.start)) for each in (span, *others))
            came, found_all = came or is_there, found_all and is_there
        if expected and found_all:
            failures.clear()
        return came

    def _expected(self, name: str, known: Iterable[Span]) -> tuple[Span, ...]:
        now_s = self._reach.now_ns // NS_PER_SECOND
        return expected_spans(name, known, now_s=now_s, until_s=now_s + int(self._reach.lookahead_seconds))

    def _window(self, item: Item, slug: str) -> bool:
        try:
            raw = self._gathered.object_named("/markets", slug)
        except NoAnswerError as error:
            self._gathered.said[slug] = f"asked for by its name Gamma gave no answer: {error}"
            return False
        if raw is None:
            self._gathered.said[slug] = "Gamma does not list it, and does not know it by its name"
            return False
        self._gathered.offers.append(Offer(raw, item.label))
        return True


def _is_of(offer: Offer, series: str) -> bool:
    if not isinstance(offer.raw, dict):
        return False
    return series in {series_of(offer.raw), *series_named(offer.raw)}


def _sound_slug(offer: Offer, series: str) -> str:
    """The slug of a market that is open and readable in this answer; empty for any other object."""
    if not isinstance(offer.raw, dict):
        return ""
    try:
        outline = read_outline(offer.raw, series)
        read_market(offer.raw, outline)
    except UnreadableError:
        return ""
    return "" if outline.closed else outline.slug


def _span(offer: Offer, series: str) -> Span | None:
    if not isinstance(offer.raw, dict) or series_of(offer.raw) != series:
        return None
    try:
        window = window_of(offer.raw, series, [])
    except UnreadableError:
        return None
    return span_in_seconds(window.start_ns, window.end_ns) if window else None
