"""The page as Chromium shows it, where there is one."""

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import polars as pl
import pytest

from common.archive.ledger import stored_ledgers
from common.archive.replay import read_archive
from common.archive.views.book_views import Recording, view_at
from common.core.instants import parse_utc_ns
from common.core.ledger.document import worst
from common.core.page.book import LEVELS
from common.core.page.calendar import HOUR_NS, WHOLE_STREAM, LedgerConditions
from common.core.views.markets_named import TokenChoice
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from procs.commands import export_parquet, replay_book
from tests.end_to_end.recorders import Recorder, exchange_beside, recorder
from tests.page.browser import Browser, browsing, chromium
from tests.page.test_site import HOSTILE, record_market
from tests.remote.stores import free_port
from tests.status.test_health_http import telling
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine"),
    pytest.mark.unmeasured,
]
PHONE = 390
FILLED = "document.querySelectorAll('#now svg').length > 1 && document.querySelector('#markets tbody .good')"
LADDER = """(() => {
  const texts = (row) => [row.children[0].textContent, row.children[1].textContent];
  const side = (name) => [...document.querySelectorAll(`#book .${name} .level`)].map(texts);
  return { at: document.querySelector("#book .at").title, bids: side("bids"), asks: side("asks") };
})()"""
CELLS = """(() => {
  const canvas = document.querySelector("#calendar canvas");
  const paint = canvas.getContext("2d");
  const probe = document.createElement("canvas").getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const colour = (of, x, y) => String(of.getImageData(x, y, 1, 1).data);
  const names = {};
  for (const name of ["complete", "degraded", "gap", "missing", "none"]) {
    probe.fillStyle = style.getPropertyValue(`--${name}`);
    probe.fillRect(0, 0, 1, 1);
    names[colour(probe, 0, 0)] = name;
  }
  const wide = canvas.width / (90 * 24);
  const cell = (row, back) => names[colour(paint, canvas.width - wide * back + 1, row * 20 + 10)];
  const rows = [...document.querySelectorAll("#calendar .names div")].map((row) => row.textContent);
  return Object.fromEntries(rows.map((name, row) => [name, [cell(row, 1), cell(row, 2)]]));
})()"""


class Shown:
    """A recorder, the exchange that it records, and its page in a browser."""

    def __init__(
        self, data_root: Path, running: Recorder, exchange: EmbeddedExchange, browser: Browser
    ) -> None:
        self.data_root, self.running, self.exchange, self.browser = data_root, running, exchange, browser


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder, port = tmp_path_factory.mktemp("browser"), free_port()
    environment = {
        "RECORDER__MANIFEST__HTTP_PORT": str(port),
        "RECORDER__WRITER__ROTATION_INTERVAL_SECONDS": "4",
        "RECORDER__DISCOVERY__MARKET_LIMIT": "4",  # so that others are left out
    }
    with (
        exchange_beside(folder, SimulationOptions(rate=60)) as exchange,
        recorder(folder, exchange, environment=environment) as running,
        browsing(f"http://127.0.0.1:{port}", chromium() or "") as browser,
    ):
        yield Shown(folder / "d", running, exchange, browser)


def test_the_live_ladder_is_what_replay_book_shows_of_the_same_instant(shown: Shown) -> None:
    browser = shown.browser
    browser.open("/")
    browser.wait_for(FILLED, "prices and checks")
    browser.evaluate("document.querySelector('#markets tbody button').click()")
    browser.wait_for("document.querySelectorAll('#book .level').length > 4", "a ladder")
    token_id: str = browser.evaluate("document.querySelector('#book input').value")
    seen = []
    for _ in range(3):
        ladder = browser.evaluate(LADDER)
        seen.append(ladder)
        browser.wait_for(
            f"document.querySelector('#book .at').title !== {json.dumps(ladder['at'])}", "the next one"
        )
    last_ns = parse_utc_ns(seen[-1]["at"])
    wait_for(lambda: newest_ns(shown.data_root) > last_ns, what="the archives to be closed")
    for ladder in seen:
        view = view_at(
            Recording((shown.data_root,)), TokenChoice(token_id), parse_utc_ns(ladder["at"]), levels=LEVELS
        )
        assert ladder["bids"] == [list(level) for level in view.bids]
        assert ladder["asks"] == [list(level) for level in view.asks]
    assert browser.complaints == []


COPIED = """[...document.querySelectorAll("#PANEL .copies button")].map((button) => {
  button.click();
  return button.parentElement.querySelector("code").textContent;
})"""
SHOWN = ("received_at", "token_id", "bid_price", "ask_price")


def test_every_line_that_the_page_copies_runs_and_all_give_the_same_prices(
    shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = shown.browser
    browser.open("/")
    browser.wait_for(FILLED, "prices and checks")
    browser.evaluate("document.querySelector('#windows').scrollIntoView()")
    browser.wait_for("document.querySelector('#windows article .line')", "a chart")
    browser.evaluate("document.querySelector('#windows article:has(.line) button').click()")
    of_window: list[str] = browser.evaluate(COPIED.replace("PANEL", "windows"))
    browser.evaluate("document.querySelector('#markets tbody button').click()")
    browser.wait_for("document.querySelectorAll('#book .level').length > 4", "a ladder")
    of_book: list[str] = browser.evaluate(COPIED.replace("PANEL", "book"))
    at_ns = max(parse_utc_ns(shlex.split(lines[0])[4]) for lines in (of_window, of_book))
    wait_for(lambda: newest_ns(shown.data_root) > at_ns, what="the archives to be closed")
    monkeypatch.chdir(tmp_path)
    tables = ("--output", "tables", "--tables", "top_of_book")
    assert export_parquet.main(["--data-root", str(shown.data_root), *tables]) == 0
    for replayed, query, frame in (of_window, of_book):
        capsys.readouterr()
        name, *arguments = shlex.split(replayed)
        assert name == "bin/replay-book"
        assert replay_book.main([*arguments, "--json"]) == 0
        book = json.loads(capsys.readouterr().out)
        found = duckdb.sql(f"SELECT {', '.join(SHOWN)} FROM ({query})")
        assert found is not None
        by_duckdb = found.pl()
        by_polars: pl.DataFrame = eval(frame, {"pl": pl}).select(SHOWN).collect()
        same_times = by_polars.with_columns(pl.col("received_at").cast(by_duckdb["received_at"].dtype))
        assert same_times.rows() == by_duckdb.rows()
        at = pl.lit(arguments[3].rstrip("Z")).str.to_datetime(time_unit="ns", time_zone="UTC")
        last = by_polars.filter(pl.col("received_at") <= at).row(-1, named=True)
        assert [float(last["bid_price"]), float(last["ask_price"])] == [
            float(book[side][0][0]) for side in ("bids", "asks")
        ]
    assert browser.complaints == []


def newest_ns(data_root: Path) -> int:
    return max((row.received_at_ns for row in read_archive(data_root)), default=0)


def test_the_calendar_has_the_colours_of_the_ledgers(shown: Shown) -> None:
    def page() -> dict[str, list[str]]:
        shown.browser.open("/")
        shown.browser.wait_for("document.querySelectorAll('#calendar .names div').length > 2", "the calendar")
        cells: dict[str, list[str]] = shown.browser.evaluate(CELLS)
        return {row: cells[row] for row in WHOLE_STREAM.values()}

    wait_for(lambda: page() == conditions(shown.data_root), what="the page to show what the ledgers say")
    assert "complete" in {word for cells in conditions(shown.data_root).values() for word in cells}
    assert shown.browser.complaints == []


def conditions(data_root: Path) -> dict[str, list[str]]:
    """The worst condition of this hour and of the one before it, by row of the calendar."""
    found: dict[str, list[str]] = {}
    for stream, row in WHOLE_STREAM.items():
        by_hour: dict[int, list[Any]] = {}
        for path in stored_ledgers(data_root, stream).values():
            ledger = msgspec.json.decode(path.read_bytes(), type=LedgerConditions)
            by_hour.setdefault(parse_utc_ns(ledger.from_utc) // HOUR_NS, []).append(ledger.condition)
        this = time.time_ns() // HOUR_NS
        found[row] = [worst(by_hour[hour]) if hour in by_hour else "none" for hour in (this, this - 1)]
    return found


def test_what_was_left_out_is_shown_with_its_reasons_and_a_phone_shows_it_all(shown: Shown) -> None:
    browser = shown.browser
    browser.open("/", width=PHONE, dark=True)
    browser.wait_for(FILLED, "prices and checks")
    browser.evaluate("document.querySelector('#markets summary').click()")
    browser.wait_for("document.querySelectorAll('#markets details tbody tr').length > 1", "reasons")
    reasons: str = browser.evaluate("document.querySelector('#markets details').textContent")
    assert left_out(shown.data_root)[0]["reason"] in reasons
    assert browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.complaints == []


def left_out(data_root: Path) -> list[dict[str, Any]]:
    [path] = (data_root / "discovery").glob("*.json")
    return [each for each in json.loads(path.read_bytes())["candidates"] if not each["taken"]]


def test_the_lag_of_receipt_is_shown(shown: Shown) -> None:
    shown.browser.open("/")
    shown.browser.wait_for("document.querySelector('#now').textContent.includes('receive lag')", "the lag")


def test_the_verdict_changes_when_the_exchange_freezes_and_when_it_is_back(shown: Shown) -> None:
    shown.browser.open("/")
    shown.browser.wait_for("document.querySelector('#verdict.whole')", "the verdict to be whole")
    shown.exchange.fault("freeze")
    shown.browser.wait_for("document.querySelector('#verdict.dark')", "the verdict to be dark")
    shown.exchange.fault("clear")
    shown.browser.wait_for("document.querySelector('#verdict.whole')", "the verdict to be whole again")
    assert shown.browser.complaints == []


def test_a_hostile_name_is_text_in_the_browser(tmp_path: Path) -> None:
    with telling(tmp_path) as run, browsing(run.url, chromium() or "") as browser:
        run.say_supervisor()
        record_market(run, HOSTILE, HOSTILE)
        browser.open("/")
        browser.wait_for("document.querySelector('#markets tbody tr')", "the market")
        text: str = browser.evaluate("document.querySelector('#markets tbody').textContent")
        assert HOSTILE in text
        assert browser.evaluate("document.querySelectorAll('script').length") == 1
        assert browser.complaints == []
