import threading
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import pytest

from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.page.windows import WindowsQuestion
from common.core.rows.names import ledger_path
from common.page.books import Question, ReplayDesk
from common.page.queries import refused
from common.page.replay import charts
from common.page.windows import WindowPages
from common.status.answers import Page, json_page
from tests.archive.legs import Hearing
from tests.archive.legs import record as record_leg
from tests.archive.markets import MS, World
from tests.archive.views.test_window_charts import resolved_world
from tests.waiting import wait_for


class Drawing:
    """Pages over a data root, with the questions that were answered, each in this process."""

    def __init__(self, root: Path, of: World) -> None:
        self.asked: list[WindowsQuestion] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._root = root
        self.pages = WindowPages(root, ReplayDesk(self._answer))
        start_ns, end_ns = of.messages[0][0] * MS, of.messages[-2][0] * MS
        self.now_ns = end_ns + 60 * NS_PER_SECOND
        self.markets = [
            {
                "slug": pair[0].market_slug,
                "start_time_utc": utc_text(start_ns),
                "end_time_utc": utc_text(end_ns),
                "tokens": [msgspec.to_builtins(each) for each in pair],
            }
            for pair in (of.tokens[:2], of.tokens[2:4])
        ]

    def _answer(self, question: Question) -> Page:
        assert isinstance(question, WindowsQuestion)
        self.asked.append(question)
        assert self.may_answer.wait(60)
        if not self._root.exists():
            return refused("there is no such folder", HTTPStatus.NOT_FOUND)
        return json_page(charts(self._root, question))

    def view(self, search: str = "", page: int = 1) -> Mapping[str, Any]:
        view = self.pages.view(self.markets, search=search, page=page, now_ns=self.now_ns)
        document: Mapping[str, Any] = msgspec.to_builtins(view)
        return document

    def drawn(self) -> list[Mapping[str, Any]]:
        wait_for(lambda: not self.view()["drawing"], what="the charts")
        windows: list[Mapping[str, Any]] = self.view()["windows"]
        return windows


def test_windows_beside_each_other_are_drawn_by_one_replay_and_only_once(tmp_path: Path) -> None:
    of = resolved_world()
    record_leg(tmp_path, of, Hearing("a"))
    drawing = Drawing(tmp_path, of)
    assert drawing.asked == []
    first = drawing.view()
    assert ([each["chart"] for each in first["windows"]], first["drawing"]) == ([None, None], True)
    by_slug = {window["slug"]: window for window in drawing.drawn()}
    chart = by_slug[of.tokens[0].market_slug]["chart"]
    assert (chart["winner"], chart["final"]) == (of.tokens[1].outcome, True)
    assert any(mid is not None for mid in chart["mids"])
    assert by_slug[of.tokens[2].market_slug]["chart"]["winner"] is None
    for _ in range(3):
        drawing.view()
    assert len(drawing.asked) == 1


def test_a_slow_replay_is_shown_also_where_newer_windows_come_meanwhile(tmp_path: Path) -> None:
    of = resolved_world()
    record_leg(tmp_path, of, Hearing("a"))
    drawing = Drawing(tmp_path, of)
    both, later_ns = drawing.markets, drawing.now_ns + NS_PER_SECOND
    drawing.markets = both[:1]
    drawing.may_answer.clear()
    drawing.view()
    drawing.markets = [*both[:1], {**both[1], "end_time_utc": utc_text(later_ns)}]
    drawing.view()
    drawing.may_answer.set()
    wait_for(lambda: [each for each in drawing.view()["windows"] if each["chart"]], what="the first chart")
    [first] = [each.window.slug for each in drawing.asked[0].asked]
    shown = {each["slug"]: each["chart"] for each in drawing.view()["windows"]}
    assert shown[first] is not None
    drawing.drawn()


def test_what_cannot_be_replayed_says_why_and_is_not_tried_all_the_time(tmp_path: Path) -> None:
    drawing = Drawing(tmp_path / "none", resolved_world())
    assert {window["why_not"] for window in drawing.drawn()} == {"there is no such folder"}
    drawing.view()
    assert len(drawing.asked) == 1


def write_ledger(root: Path, of: World, hour_ns: int, condition: str) -> None:
    path = root / ledger_path("ws_raw", hour_ns)
    path.parent.mkdir(parents=True)
    tokens = [
        {**msgspec.to_builtins(token), "condition": condition, "gap_seconds": 3.0, "unaccounted_seconds": 0.0}
        for token in of.tokens[:2]
    ]
    times = {"from_utc": utc_text(hour_ns), "to_utc": utc_text(hour_ns + 3600 * NS_PER_SECOND)}
    path.write_bytes(msgspec.json.encode({"stream": "ws_raw", **times, "tokens": tokens}))


def test_what_left_the_run_manifest_is_found_in_ledgers_and_searched(tmp_path: Path) -> None:
    of = resolved_world()
    drawing = Drawing(tmp_path, of)
    hour_ns = drawing.now_ns // (3600 * NS_PER_SECOND) * 3600 * NS_PER_SECOND
    write_ledger(tmp_path, of, hour_ns, "gap")
    drawing.markets = []
    [window] = drawing.view()["windows"]
    assert (window["slug"], window["condition"], window["gap_seconds"]) == (
        of.tokens[0].market_slug,
        "gap",
        3.0,
    )
    assert parse_utc_ns(window["from_utc"]) == of.messages[0][0] // 1000 * 1000 * MS
    assert drawing.view("nothing like it")["found"] == 0
    drawing.now_ns += 86_400 * NS_PER_SECOND
    assert drawing.view()["found"] == 0


def test_a_damaged_ledger_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    of = resolved_world()
    drawing = Drawing(tmp_path, of)
    drawing.markets = []
    path = tmp_path / ledger_path("ws_raw", drawing.now_ns)
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"from_utc":')
    assert drawing.view()["found"] == 0
    assert caplog.messages == ["ledger left out of the windows"]
