"""Today's windows for the page: which there are, from ledgers and the run manifest, and their charts, once drawn."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from common.archive.ledger import stored_ledgers
from common.core.page.windows import (
    DAY_NS,
    AskedWindow,
    LedgerWindows,
    Window,
    WindowChart,
    WindowCharts,
    WindowsQuestion,
    asked_together,
    joined_windows,
    page_of,
    stretch_of,
    window_of_market,
    windows_of_ledger,
    windows_of_today,
    windows_view,
)
from common.core.rows.names import WS_RAW
from common.page.books import ReplayDesk

MOST_WINDOWS = 10_000  # known at a time; the newest count
MOST_CHARTS = 2000  # kept; of the others the oldest are drawn again when they are looked at
REDRAWN_S = 60.0  # a chart that is not final is drawn again after so long,
REDRAWN_TIMES = 10  # and not before so many times the processor time that it took have passed
FAILED_S = 120.0  # counts as that time where a replay failed

log = logging.getLogger(__name__)


class WindowShelf:
    """What is known of today's windows. Nothing is read before somebody asks, and each ledger once."""

    def __init__(self, data_root: Path) -> None:
        self._data_root = data_root
        self._lock = threading.Lock()
        self._read: set[Path] = set()
        self._windows: dict[str, Window] = {}

    def today(self, markets: Sequence[Mapping[str, Any]], *, search: str, now_ns: int) -> list[Window]:
        """The windows of today whose slugs hold `search`; `markets` are those of the run manifest."""
        midnight_ns = now_ns - now_ns % DAY_NS
        with self._lock:
            self._take_markets(markets)
            self._take_ledgers(midnight_ns)
            self._forget({market["slug"] for market in markets}, midnight_ns)
            return windows_of_today(self._windows.values(), search=search, now_ns=now_ns)

    def _take_markets(self, markets: Iterable[Mapping[str, Any]]) -> None:
        for window in filter(None, map(window_of_market, markets)):
            known = self._windows.get(window.slug, window)
            self._windows[window.slug] = msgspec.structs.replace(
                window, condition=known.condition, gap_seconds=known.gap_seconds
            )

    def _take_ledgers(self, midnight_ns: int) -> None:
        stored = stored_ledgers(self._data_root, WS_RAW)
        todays = {path for start_ns, path in stored.items() if start_ns >= midnight_ns}
        for path in sorted(todays - self._read):
            for window in _windows_in(path):
                self._windows[window.slug] = joined_windows(self._windows.get(window.slug), window)
        self._read = todays

    def _forget(self, recorded: set[str], midnight_ns: int) -> None:
        """What is over since yesterday, what has no window and is not recorded any more, and the oldest of too many."""
        kept = [
            window
            for slug, window in self._windows.items()
            if (slug in recorded if window.end_ns is None else window.end_ns > midnight_ns)
        ]
        kept.sort(key=lambda window: (window.end_ns is None, window.end_ns or 0))
        self._windows = {window.slug: window for window in kept[-MOST_WINDOWS:]}


class _Drawn(msgspec.Struct, frozen=True):
    chart: WindowChart | str
    again_at_s: float  # monotonic


class WindowPages:
    """Pages of windows. Charts are drawn while somebody asks for them, neighbours by one replay."""

    def __init__(self, data_root: Path, desk: ReplayDesk) -> None:
        self._shelf, self._desk = WindowShelf(data_root), desk
        self._lock = threading.Lock()
        self._drawn: OrderedDict[str, _Drawn] = OrderedDict()
        self._waits: WindowsQuestion | None = None  # for its answer, before anything else is asked

    def view(
        self, markets: Sequence[Mapping[str, Any]], *, search: str, page: int, now_ns: int
    ) -> dict[str, Any]:
        """One page of today's windows, with the charts that are there; asking again brings the next ones."""
        found = self._shelf.today(markets, search=search, now_ns=now_ns)
        shown = page_of(found, page)
        with self._lock:
            self._waits = self._waits or self._next_question(shown, now_ns)
            if self._waits is not None and self._has_answered(self._waits):
                self._waits = None
            drawing = self._next_question(shown, now_ns) is not None
            charts = {each.slug: self._drawn[each.slug].chart for each in shown if each.slug in self._drawn}
        return windows_view(found, charts, page=page, drawing=drawing, now_ns=now_ns)

    def _next_question(self, shown: Sequence[Window], now_ns: int) -> WindowsQuestion | None:
        """What is to be drawn next: what has no chart yet before what is old."""
        missing = [window for window in shown if window.slug not in self._drawn]
        wanted = missing or [window for window in shown if self._is_old(window.slug)]
        asked = asked_together(AskedWindow(_bare(each), *stretch_of(each, now_ns)) for each in wanted)
        return WindowsQuestion(asked) if asked else None

    def _is_old(self, slug: str) -> bool:
        return time.monotonic() >= self._drawn[slug].again_at_s

    def _has_answered(self, question: WindowsQuestion) -> bool:
        page = self._desk.ask(question, once=True)
        if page.status == HTTPStatus.ACCEPTED:
            return False
        charts: Mapping[str, WindowChart | str]
        if page.status == HTTPStatus.OK:
            answer = msgspec.json.decode(page.body, type=WindowCharts)
            charts, took_s = {chart.slug: chart for chart in answer.charts}, answer.cpu_seconds
        else:
            reason = str(msgspec.json.decode(page.body)["error"])
            charts, took_s = {each.window.slug: reason for each in question.asked}, FAILED_S
        again_at_s = time.monotonic() + max(REDRAWN_S, REDRAWN_TIMES * took_s)
        for slug, chart in charts.items():
            final = isinstance(chart, WindowChart) and chart.final
            self._drawn[slug] = _Drawn(chart, float("inf") if final else again_at_s)
            self._drawn.move_to_end(slug)
        while len(self._drawn) > MOST_CHARTS:
            self._drawn.popitem(last=False)
        return True


def _bare(window: Window) -> Window:
    """Without what ledgers state of it: the question stays the same when one more is written."""
    return msgspec.structs.replace(window, condition=None, gap_seconds=0.0)


def _windows_in(path: Path) -> list[Window]:
    try:
        return windows_of_ledger(msgspec.json.decode(path.read_bytes(), type=LedgerWindows))
    except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors
        log.warning("ledger left out of the windows", extra={"path": str(path), "reason": str(error)})
        return []
