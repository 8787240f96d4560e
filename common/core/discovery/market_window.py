"""When a market is recorded: the window of a rolling series' market, from its dates, its event, or its slug."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from common.core.discovery.gamma_values import instant_of, list_of, value_of
from common.core.discovery.outcome_ids import Oddity, UnreadableError
from common.core.discovery.rolling_series import is_rolling, series_of_slug, span_of_slug, window_seconds
from common.core.instants import NS_PER_SECOND

_MOST_LENGTHS = 300  # the embedded exchange may stretch its windows; beyond this a date is wrong


class WindowTimes(msgspec.Struct, frozen=True):
    """Start and end in nanoseconds since the epoch."""

    start_ns: int
    end_ns: int


def events_of(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The events that a market object names."""
    listed = value_of(raw, "events")
    events = [listed] if isinstance(listed, dict) else list_of(listed) or []
    return [event for event in events if isinstance(event, dict)]


def series_named(raw: Mapping[str, Any]) -> frozenset[str]:
    """The series slugs that an object, or an event in it, says it is of."""
    return frozenset(_series_texts(raw))


def _series_texts(raw: Mapping[str, Any]) -> Iterator[str]:
    for holder in (raw, *events_of(raw)):
        if isinstance(text := value_of(holder, "seriesSlug"), str) and text:
            yield text
        for series in list_of(value_of(holder, "series")) or ():
            if isinstance(series, dict) and isinstance(text := series.get("slug"), str) and text:
                yield text


def series_of(raw: Mapping[str, Any]) -> str | None:
    """The series slug: the rolling one that its slug shows, else what the object or its events say."""
    slug = value_of(raw, "slug")
    by_slug = series_of_slug(slug) if isinstance(slug, str) else None
    named = sorted(series_named(raw), key=lambda text: (not is_rolling(text), text))
    if by_slug is not None and (by_slug in named or not named):
        return by_slug
    return named[0] if named else None


def window_of(raw: Mapping[str, Any], series: str, oddities: list[Oddity]) -> WindowTimes | None:
    """The window of a market; None where its series has none. Raises UnreadableError where it cannot be known."""
    length_s = window_seconds(series)
    if length_s is None:
        return None
    length_ns = length_s * NS_PER_SECOND
    slug = value_of(raw, "slug")
    by_slug = span_of_slug(slug) if isinstance(slug, str) else None
    start_ns = _first_instant(raw, ("eventStartTime",), ("startTime", "eventStartTime"))
    end_ns = _first_instant(raw, ("endDate",), ("endDate",))
    if by_slug is not None:
        return _with_slug(by_slug.start * NS_PER_SECOND, start_ns, end_ns, length_ns, oddities)
    if start_ns is None and end_ns is None:
        raise UnreadableError("endDate", "endDate and eventStartTime are missing or no dates")
    start_ns = start_ns if start_ns is not None else (end_ns or 0) - length_ns
    end_ns = end_ns if end_ns is not None else start_ns + length_ns
    if start_ns >= end_ns:
        oddities.append(Oddity("eventStartTime", "eventStartTime is not before endDate"))
        start_ns = end_ns - length_ns
    return WindowTimes(start_ns, end_ns)


def _with_slug(
    slug_ns: int, start_ns: int | None, end_ns: int | None, length_ns: int, oddities: list[Oddity]
) -> WindowTimes:
    """The object's dates; where one is missing or impossible the longest window that they and the slug allow.

    To record a window for too long costs little, not to record it costs the window.
    """
    longest_ns = _MOST_LENGTHS * length_ns
    if start_ns is not None and end_ns is not None and 0 < end_ns - start_ns <= longest_ns:
        return WindowTimes(start_ns, end_ns)
    if start_ns is not None and start_ns != slug_ns:
        oddities.append(Oddity("eventStartTime", "eventStartTime is not the start that the slug names"))
    end_fits = end_ns is None or 0 < end_ns - slug_ns <= longest_ns
    if not end_fits:
        oddities.append(Oddity("endDate", "endDate does not fit the start that the slug names"))
    nominal_end_ns = slug_ns + length_ns
    if end_fits and start_ns in (None, slug_ns):
        return WindowTimes(slug_ns, end_ns or nominal_end_ns)
    return WindowTimes(min(start_ns or slug_ns, slug_ns), max(end_ns or 0, nominal_end_ns))


def _first_instant(raw: Mapping[str, Any], names: tuple[str, ...], of_event: tuple[str, ...]) -> int | None:
    for holder, wanted in ((raw, names), *((event, of_event) for event in events_of(raw))):
        for name in wanted:
            if (instant := instant_of(value_of(holder, name))) is not None:
                return instant
    return None
