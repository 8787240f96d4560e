"""The up/down series: windows one after another, with names that say which window and, for most, when it starts."""

import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from common.core.instants import NS_PER_SECOND

_COINS = {  # as hourly and daily markets and tags write them; the other names are the same everywhere
    "bitcoin": "btc",
    "ethereum": "eth",
    "solana": "sol",
    "dogecoin": "doge",
    "hyperliquid": "hype",
}
_TAGS = {short: long for long, short in _COINS.items()}
_SERIES = re.compile(r"([a-z0-9-]+)-up-or-down-(\d{1,3})([mh])")
_ANY_SERIES = re.compile(r"([a-z0-9-]+)-up-or-down-(\d{1,3}[mh]|hourly|daily)")
_WINDOW = re.compile(r"([a-z0-9-]+)-updown-(\d{1,3}[mh])-(\d{10})")
_DAILY = re.compile(r"([a-z0-9-]+)-up-or-down-on-[a-z]+-\d+(?:-\d{4})?")
_HOURLY = re.compile(r"([a-z0-9-]+)-up-or-down-[a-z]+-\d+(?:-\d{4})?-\d+[ap]m-et")
_SECONDS = {"m": 60, "h": 3600}
_NAMED_LENGTHS = {"hourly": 3600, "daily": 86_400}
_SHIFTED_LENGTH = 7200  # windows longer than an hour may follow the time of New York, whose offset changes


class Span(msgspec.Struct, frozen=True):
    """A window in whole seconds since the epoch: `start` is in it, `end` is not."""

    start: int
    end: int


def is_rolling(series: str) -> bool:
    """Whether the markets of a series are windows."""
    return _ANY_SERIES.fullmatch(series) is not None


def window_seconds(series: str) -> int | None:
    """The length of a rolling series' windows; None for any other series."""
    match = _ANY_SERIES.fullmatch(series)
    if match is None:
        return None
    length = match[2]
    return _NAMED_LENGTHS.get(length) or int(length[:-1]) * _SECONDS[length[-1]]


def coin_of(market_slug: str, series: str) -> str | None:
    """The coin that a window is about, as in `btc`; None for a market that is not one of a rolling series."""
    match = _ANY_SERIES.fullmatch(series) or _ANY_SERIES.fullmatch(series_of_slug(market_slug) or "")
    return match[1] if match is not None else None


def series_of_slug(slug: str) -> str | None:
    """The rolling series that a market's slug belongs to by its form."""
    if match := _WINDOW.fullmatch(slug):
        return f"{match[1]}-up-or-down-{match[2]}"
    for pattern, length in ((_DAILY, "daily"), (_HOURLY, "hourly")):
        if match := pattern.fullmatch(slug):
            return f"{_COINS.get(match[1], match[1])}-up-or-down-{length}"
    return None


def span_of_slug(slug: str) -> Span | None:
    """The window that a slug with its start in it is about."""
    match = _WINDOW.fullmatch(slug)
    length = window_seconds(f"{match[1]}-up-or-down-{match[2]}") if match else None
    return Span(int(match[3]), int(match[3]) + length) if match and length else None


def tag_of(series: str) -> str | None:
    """The tag that the markets of a rolling series' coin have."""
    match = _ANY_SERIES.fullmatch(series)
    return _TAGS.get(match[1], match[1]) if match else None


def slug_marks(series: str) -> tuple[str, ...]:
    """How the slugs of a series' markets begin."""
    match = _ANY_SERIES.fullmatch(series)
    if match is None:
        return (series,)
    return f"{match[1]}-updown-", f"{_TAGS.get(match[1], match[1])}-up-or-down-"


def has_computable_slugs(series: str) -> bool:
    """Whether the slug of a window follows from its start, and one window always follows another."""
    return bool(window_seconds(series)) and _SERIES.fullmatch(series) is not None


def slug_at(series: str, start: int) -> str:
    """The slug of the window that starts then, of a series with computable slugs."""
    coin, _, length = series.partition("-up-or-down-")
    return f"{coin}-updown-{length}-{start}"


def expected_spans(series: str, known: Iterable[Span], *, now_s: int, until_s: int) -> tuple[Span, ...]:
    """The windows that are open now or begin before `until_s`, as far as they are sure; the open one first.

    Length and alignment are those of the known windows of the series (the exchange may shift them), else those of
    its name. Empty for a series whose slugs cannot be computed.
    """
    if not has_computable_slugs(series):
        return ()
    length, phase = _geometry(known) or (window_seconds(series) or 1, 0)
    start = now_s - (now_s - phase) % length
    return tuple(Span(at, at + length) for at in range(start, max(until_s, start + 1), length))


def other_alignments(series: str, span: Span) -> tuple[Span, ...]:
    """Where a window may lie instead, by an hour, when windows follow a clock that is set twice a year."""
    length = span.end - span.start
    if length < _SHIFTED_LENGTH or not has_computable_slugs(series):
        return ()
    return tuple(Span(span.start + hour * 3600, span.end + hour * 3600) for hour in (-3, -2, -1, 1))


def _geometry(known: Iterable[Span]) -> tuple[int, int] | None:
    """The commonest length and phase of windows; the latest ones where two are as common."""
    newest_first = sorted(known, key=lambda span: -span.start)
    shapes = Counter((span.end - span.start, span.start % (span.end - span.start)) for span in newest_first)
    return shapes.most_common(1)[0][0] if shapes else None


def span_in_seconds(start_ns: int, end_ns: int) -> Span:
    """A window from its instants in nanoseconds."""
    return Span(start_ns // NS_PER_SECOND, end_ns // NS_PER_SECOND)
