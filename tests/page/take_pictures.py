"""Records a simulated exchange, looks at the page with headless Chromium, and keeps a picture of each panel and state.

Run by hand: `.venv/bin/python -m tests.page.take_pictures FOLDER`; README shows `now.png` and `markets.png`, the page
about status `windows.png`. It needs Chromium (Debian: `apt-get install chromium`) and takes some minutes. Fails on any
console error, on any request that leaves the machine, and where a page is wider than its window.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from common.simulation.options import SimulationOptions
from tests.archive.legs import Hearing
from tests.archive.legs import record as record_leg
from tests.end_to_end.recorders import Recorder, break_connection, exchange_beside, recorder
from tests.page.browser import Browser, browsing, chromium
from tests.page.test_windows_in_browser import just_over, select
from tests.remote.stores import free_port
from tests.status.test_health_http import telling
from tests.waiting import wait_for

PANELS = ("now", "markets", "storage", "calendar", "book")
PHONE = 390
MANY = 2000
FILLED = "document.querySelectorAll('#now svg').length > 1 && document.querySelectorAll('#markets tbody tr').length"
LEDGERS = "document.querySelectorAll('#calendar .names div').length > 2"
PRICED = "document.querySelector('#markets tbody .good')"
WINDOWS = 8
DRAWN = "document.querySelectorAll('#windows .windows article:has(.line)').length"
LAGS = "document.querySelector('#now').textContent.includes('receive lag')"


def main() -> int:
    """Record, look, stop; 1 if the browser complained, 3 where there is none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=["states", "windows", "many"], help="one of the recordings")
    namespace = parser.parse_args()
    program = chromium()
    if program is None:
        print("no Chromium on this machine: apt-get install chromium", file=sys.stderr)
        return 3
    namespace.folder.mkdir(parents=True, exist_ok=True)
    complaints = []
    for name, look in (("states", _states), ("windows", _windows), ("many", _many)):
        if namespace.only in {None, name}:
            with tempfile.TemporaryDirectory() as data:
                complaints += look(Path(data), namespace.folder, program)
    print("\n".join(complaints) or f"pictures in {namespace.folder}, no complaint")
    return 1 if complaints else 0


@contextmanager
def _page(
    data: Path, options: SimulationOptions, program: str, **settings: str
) -> Iterator[tuple[Recorder, Browser, Callable[..., None]]]:
    port = free_port()
    environment = {
        "RECORDER__MANIFEST__HTTP_PORT": str(port),
        "RECORDER__WEBSOCKET__LEGS": "2",
        "RECORDER__WRITER__ROTATION_INTERVAL_SECONDS": "30",
        "RECORDER__REST_CHECKPOINT__INTERVAL_SECONDS": "10",
        **settings,
    }
    with (
        exchange_beside(data, options) as exchange,
        recorder(data, exchange, environment=environment) as running,
        browsing(f"http://127.0.0.1:{port}", program) as browser,
    ):
        yield running, browser, partial(break_connection, exchange)
        running.stop()


def _states(data: Path, folder: Path, program: str) -> list[str]:
    """Whole, on one leg, and dark."""
    options = SimulationOptions(rate=120)
    with _page(data, options, program) as (running, browser, damage):
        wait_for(lambda: running.manifest.get("ledgers"), what="a ledger", timeout_s=300)
        browser.open("/")
        browser.wait_for(f"{FILLED} && {LEDGERS} && {PRICED} && {LAGS}", "the page to be filled")
        _show_book(browser)
        for panel in PANELS:
            browser.picture(folder / f"{panel}.png", selector=f"#{panel}")
        _show_hour(browser)
        browser.picture(folder / "calendar-hour.png", selector="#calendar")
        for name, width, dark in (("light", 1200, False), ("dark", 1200, True), ("phone", PHONE, False)):
            browser.open("/", width=width, dark=dark)
            browser.wait_for(f"{FILLED} && {LEDGERS} && {PRICED} && {LAGS}", "the page to be filled")
            _show_book(browser)
            browser.picture(folder / f"page-{name}.png")
            if browser.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            ):
                browser.complaints.append(f"{name}: the page is wider than its window")
        browser.open("/")
        damage("handshake", status=403)
        damage("cut", connection=1)
        _wait_for_verdict(browser, "one_leg")
        browser.picture(folder / "state-one-leg.png", height=700)
        damage("freeze")
        _wait_for_verdict(browser, "dark")
        browser.picture(folder / "state-dark.png", height=700)
        _show_book_of_the_past(browser)
        browser.picture(folder / "book-past.png", selector="#book")
    return browser.complaints


def _windows(data: Path, folder: Path, program: str) -> list[str]:
    """Windows that are over, as they lie on disk: of most the winner is recorded, of some an outage of the only leg."""
    worlds = just_over(WINDOWS, seconds=45)
    with telling(data) as run, browsing(run.url, program) as browser:
        run.say_supervisor()
        for number, of in enumerate(worlds):
            middle = len(of.messages) // 2
            outages = [(middle, middle + 40 * (number % 3))] if number % 3 else []
            record_leg(run.runtime.data_root, of, Hearing("a", reader=number, outages=outages))
        select(run, *worlds)
        for name, width, dark in (
            ("windows", 1200, False),
            ("windows-dark", 1200, True),
            ("windows-phone", PHONE, False),
        ):
            browser.open("/", width=width, dark=dark)
            browser.wait_for("document.querySelector('#markets tbody tr')", "the page to be filled")
            browser.evaluate("document.querySelector('#windows').scrollIntoView()")
            browser.wait_for(f"{DRAWN} === {WINDOWS}", "the charts")
            if dark:
                browser.evaluate("document.querySelector('#windows article:has(.shade) button').click()")
            browser.picture(folder / f"{name}.png", selector="#windows")
    return browser.complaints


def _many(data: Path, folder: Path, program: str) -> list[str]:
    """So many markets that the list has many pages."""
    options = SimulationOptions(rate=200, more_markets=MANY)
    with _page(
        data, options, program, RECORDER__DISCOVERY__TAGS='["crowd"]', RECORDER__WEBSOCKET__LEGS="1"
    ) as (_, browser, _damage):
        browser.open("/")
        browser.wait_for(f"{FILLED} && {PRICED}", "the page to be filled")
        browser.picture(folder / "markets-many.png", selector="#markets")
    return browser.complaints


def _show_book(browser: Browser) -> None:
    """The second market's first outcome, live: the first one may be over soon."""
    browser.evaluate("document.querySelector('#markets tbody tr:nth-child(2) button').click()")
    browser.wait_for("document.querySelectorAll('#book .level').length > 4", "a ladder")
    browser.wait_for("document.querySelectorAll('#book tbody tr').length", "a trade")


def _show_book_of_the_past(browser: Browser) -> None:
    """Last, as a busy machine may refuse a replay that takes it too long."""
    browser.evaluate("document.querySelector('#markets tbody tr:nth-child(2) button').click()")
    browser.evaluate("document.querySelector('#book button[type=submit]').click()")
    browser.wait_for("document.querySelector('#book .slider')", "a replay")


def _show_hour(browser: Browser) -> None:
    browser.evaluate(
        "document.querySelector('#calendar canvas').focus();"
        "['ArrowDown', 'Enter'].forEach((key) => document.querySelector('#calendar canvas')"
        ".dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })))"
    )
    browser.wait_for("document.querySelector('#calendar article')", "an hour of the calendar")


def _wait_for_verdict(browser: Browser, level: str) -> None:
    browser.wait_for(f"document.querySelector('#verdict.{level}')", f"the verdict {level}")


if __name__ == "__main__":
    sys.exit(main())
