"""The windows of today's recording for the page: which there are, of which stretch each has a chart, page by page."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from common.core.discovery.rolling_series import span_of_slug
from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.ledger.document import Condition, worst
from common.core.page.book import MOST_SPAN_S
from common.core.page.paging import paged

PAGE_SIZE = 24
POINTS = 120
DAY_NS = 86_400 * NS_PER_SECOND
TOGETHER_NS = 600 * NS_PER_SECOND  # so much is read at once for windows that lie beside each other
OPEN_ENDED_NS = 3600 * NS_PER_SECOND  # of a market without a window: its last hour
_STEP_NS = 300 * NS_PER_SECOND  # that hour ends on a multiple of it, so that markets share a replay
_FIRST_OUTCOMES = ("up", "yes")


class WindowToken(msgspec.Struct, frozen=True):
    """One outcome of a window."""

    token_id: str
    outcome: str


class Window(msgspec.Struct, frozen=True):
    """One market of the recording, its first outcome first; `end_ns` is None where it has no window.

    `timed`: start and end are its own, not those of the ledgers that it is in.
    """

    slug: str
    tokens: tuple[WindowToken, ...]
    start_ns: int
    end_ns: int | None
    condition: Condition | None = None  # the worst in the ledgers; None while none is written
    gap_seconds: float = 0.0  # of the first outcome, in the ledgers
    timed: bool = True


class WindowChart(msgspec.Struct, frozen=True):
    """One window as a line: mid prices at even distances, and stretches without knowledge as parts of the whole.

    `winner` is the outcome that the exchange named, None while no recorded message does. `final`: what will be
    recorded later changes nothing.
    """

    slug: str
    mids: tuple[float | None, ...]
    gaps: tuple[tuple[float, float], ...]
    winner: str | None
    recorded_until_utc: str | None
    final: bool


class AskedWindow(msgspec.Struct, frozen=True):
    """A window and the stretch that its chart is to reach over."""

    window: Window
    from_ns: int
    to_ns: int

    def instants_ns(self, points: int) -> list[int]:
        """The instants of the mid prices, both ends included."""
        steps = max(points - 1, 1)
        return [self.from_ns + (self.to_ns - self.from_ns) * step // steps for step in range(steps + 1)]


class WindowsQuestion(msgspec.Struct, frozen=True, tag="windows"):
    """Windows that one replay answers, from the first one's begin to the last one's end."""

    asked: tuple[AskedWindow, ...]
    points: int = POINTS

    @property
    def from_ns(self) -> int:
        """Where the first one begins."""
        return min(each.from_ns for each in self.asked)

    @property
    def to_ns(self) -> int:
        """Where the last one ends."""
        return max(each.to_ns for each in self.asked)


def asked_together(wanted: Iterable[AskedWindow]) -> tuple[AskedWindow, ...]:
    """Those of `wanted` that one replay draws best: the shortest and newest, and what lies around it."""
    in_order = sorted(wanted, key=lambda each: (each.to_ns - each.from_ns, -each.to_ns))
    if not in_order:
        return ()
    from_ns, to_ns = in_order[0].from_ns, in_order[0].to_ns
    most_ns = max(TOGETHER_NS, to_ns - from_ns)
    found = []
    for each in in_order:
        wider = min(from_ns, each.from_ns), max(to_ns, each.to_ns)
        if wider[1] - wider[0] <= most_ns:
            from_ns, to_ns = wider
            found.append(each)
    return tuple(found)


class WindowCharts(msgspec.Struct, frozen=True):
    """The answer to a WindowsQuestion, and the processor time that it took."""

    charts: tuple[WindowChart, ...]
    cpu_seconds: float = 0.0


class LedgerWindowToken(msgspec.Struct, frozen=True):
    """What a websocket ledger of any version states of a token."""

    token_id: str
    market_slug: str
    outcome: str
    condition: Condition
    gap_seconds: float = 0.0
    unaccounted_seconds: float = 0.0


class LedgerWindows(msgspec.Struct, frozen=True):
    """What this panel reads of a websocket ledger of any version."""

    from_utc: str
    to_utc: str
    tokens: tuple[LedgerWindowToken, ...]


def windows_of_ledger(ledger: LedgerWindows) -> list[Window]:
    """The markets of a ledger. What the slug does not say of its time is that of the ledger."""
    by_slug: dict[str, list[LedgerWindowToken]] = {}
    for token in ledger.tokens:
        if token.market_slug:
            by_slug.setdefault(token.market_slug, []).append(token)
    from_ns, to_ns = parse_utc_ns(ledger.from_utc), parse_utc_ns(ledger.to_utc)
    return [_of_ledger(slug, tokens, from_ns, to_ns) for slug, tokens in by_slug.items()]


def _of_ledger(slug: str, tokens: list[LedgerWindowToken], from_ns: int, to_ns: int) -> Window:
    tokens = sorted(tokens, key=lambda token: token.outcome.lower() not in _FIRST_OUTCOMES)
    span = span_of_slug(slug)
    return Window(
        slug,
        tuple(WindowToken(token.token_id, token.outcome) for token in tokens),
        from_ns if span is None else span.start * NS_PER_SECOND,
        to_ns if span is None else span.end * NS_PER_SECOND,
        worst(token.condition for token in tokens),
        tokens[0].gap_seconds + tokens[0].unaccounted_seconds,
        timed=span is not None,
    )


def window_of_market(market: Mapping[str, Any]) -> Window | None:
    """A market of the run manifest; None where its times are not instants, or it has no token."""
    start, end = market["start_time_utc"], market["end_time_utc"]
    try:
        start_ns, end_ns = parse_utc_ns(start) if start else 0, parse_utc_ns(end) if end else None
    except ValueError:
        return None
    tokens = tuple(WindowToken(token["token_id"], token["outcome"]) for token in market["tokens"])
    return Window(market["slug"], tokens, start_ns, end_ns) if tokens else None


def joined_windows(known: Window | None, ledger: Window) -> Window:
    """A window with what one more ledger states of it. Times that only ledgers tell reach over all of them."""
    if known is None:
        return ledger
    wider = {
        "start_ns": min(known.start_ns, ledger.start_ns),
        "end_ns": max(known.end_ns or 0, ledger.end_ns or 0),
    }
    return msgspec.structs.replace(
        known,
        condition=worst((ledger.condition or "complete", known.condition or "complete")),
        gap_seconds=known.gap_seconds + ledger.gap_seconds,
        **({} if known.timed else wider),
    )


def stretch_of(window: Window, now_ns: int) -> tuple[int, int]:
    """From when to when a chart of a window reaches: of a long one its end, without a window the last hour."""
    if window.end_ns is None:
        to_ns = now_ns - now_ns % _STEP_NS
        return max(to_ns - OPEN_ENDED_NS, window.start_ns if window.start_ns < to_ns else 0), to_ns
    return max(window.start_ns, window.end_ns - MOST_SPAN_S * NS_PER_SECOND), window.end_ns


def windows_of_today(windows: Iterable[Window], *, search: str, now_ns: int) -> list[Window]:
    """What was open today (UTC) and whose slug holds `search`: the newest first, markets without a window last."""
    midnight_ns = now_ns - now_ns % DAY_NS
    wanted = search.strip().lower()
    found = [
        window
        for window in windows
        if wanted in window.slug.lower()
        and window.start_ns <= now_ns
        and (window.end_ns is None or window.end_ns > midnight_ns)
    ]
    return sorted(found, key=lambda window: (-(window.end_ns or 0), window.slug))


def windows_view(
    found: list[Window], charts: Mapping[str, WindowChart | str], *, page: int, drawing: bool, now_ns: int
) -> dict[str, Any]:
    """One page of windows; a chart is missing while it is not drawn, and a text where it cannot be.

    `drawing`: some are still to come, or to be drawn again.
    """
    page, pages, place = paged(found, page, size=PAGE_SIZE)
    return {
        "day": utc_text(now_ns)[:10],
        "found": len(found),
        "page": page,
        "pages": pages,
        "drawing": drawing,
        "windows": [_row(window, charts.get(window.slug), now_ns) for window in found[place]],
    }


def page_of(found: list[Window], page: int) -> list[Window]:
    """The windows of a page."""
    return found[paged(found, page, size=PAGE_SIZE).place]


def _row(window: Window, chart: WindowChart | str | None, now_ns: int) -> dict[str, Any]:
    from_ns, to_ns = stretch_of(window, now_ns)
    return {
        "slug": window.slug,
        "tokens": window.tokens,
        "from_utc": utc_text(from_ns),
        "to_utc": utc_text(to_ns),
        "open": window.end_ns is None or now_ns < window.end_ns,
        "end_time_utc": None if window.end_ns is None else utc_text(window.end_ns),
        "condition": window.condition,
        "gap_seconds": round(window.gap_seconds, 1),
        "chart": None if isinstance(chart, str) else chart,
        "why_not": chart if isinstance(chart, str) else None,
    }
