import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.config import DiscoverySettings
from common.core.instants import NS_PER_SECOND
from common.polymarket.gamma.discovery_file import discovery_path, read_discovery_file
from common.runtime.run.details import DiscoveryDetails
from tests.core.discovery.test_selection import NOON, gamma_market
from tests.doubles.gamma import fake_gamma
from tests.doubles.rest_server import market
from tests.polymarket.loopback import Handler, serving
from tests.procs.alone import alone, run_folder
from tests.waiting import wait_for

SETTINGS = {"discovery": {"refresh_interval_seconds": 1}}
OLD = b"what an earlier discovery wrote"


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with run_folder() as folder:
        yield folder


def test_a_failed_discovery_leaves_the_file_and_is_counted_and_the_next_one_recovers(
    tmp_path: Path, run_dir: Path
) -> None:
    path = discovery_path(tmp_path, DiscoverySettings())
    path.parent.mkdir()
    path.write_bytes(OLD)
    broken = threading.Event()
    broken.set()

    def answer(handler: Handler) -> None:
        if broken.is_set():
            handler.reply(200, b"<html>maintenance</html>")
        else:
            page = {"markets": [market("btc-updown-5m-1700000000")], "next_cursor": ""}
            handler.reply(200, json.dumps(page).encode())

    with (
        serving(answer) as server,
        alone("discovery", run_dir, tmp_path, {**SETTINGS, "exchange": {"gamma_url": server.url}}) as process,
    ):
        process.wait_for_counter("discovery_failures_total", 1)
        assert path.read_bytes() == OLD
        failed = process.details(DiscoveryDetails)
        assert failed is not None
        assert "not JSON" in failed.last_error
        assert failed.last_success_at_utc is None
        broken.clear()
        process.wait_for_counter("discoveries_total", 1)
        assert process.stop() == 0
        well = process.details(DiscoveryDetails)
        assert well is not None
        assert well.last_error == ""
        assert well.last_success_at_utc is not None
    [found] = read_discovery_file(path).markets
    assert found.slug == "btc-updown-5m-1700000000"
    assert '"discovery failed"' in process.log


def test_a_gamma_that_says_nothing_holds_no_stop_up(tmp_path: Path, run_dir: Path) -> None:
    release = threading.Event()
    with (
        serving(lambda _handler: (release.wait(120), None)[1]) as server,
        alone("discovery", run_dir, tmp_path, {**SETTINGS, "exchange": {"gamma_url": server.url}}) as process,
    ):
        wait_for(lambda: server.requests, what="the question")
        asked_at = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - asked_at < 60
        release.set()
    assert not discovery_path(tmp_path, DiscoverySettings()).exists()


def window_of_now(**changes: Any) -> dict[str, object]:  # noqa: ANN401 - parts of a foreign object
    """The window of five minutes that is open, by the calendar of the real ones."""
    start_s = int(time.time()) // 300 * 300
    market = gamma_market(start_s - NOON // NS_PER_SECOND, **changes)
    return {**market, "events": [{**market["events"][0], "slug": market["slug"]}]}


def test_what_is_not_recorded_is_stated_with_the_field_and_ends_when_it_is_recorded(
    tmp_path: Path, run_dir: Path
) -> None:
    with fake_gamma(window_of_now(version="v9", clobTokenIds=None)) as gamma:
        url = gamma.server.url
        settings: dict[str, dict[str, object]] = {
            "discovery": {**SETTINGS["discovery"], "series": ["btc-up-or-down-5m"]},
            "exchange": {"gamma_url": url, "clob_url": url},
        }
        with alone("discovery", run_dir, tmp_path, settings) as process:
            wait_for(lambda: process.problem("markets_unreadable"), what="the problem to be stated")
            assert "version 'v9' is not known" in process.problem("markets_unreadable")
            assert process.problem("window_not_recorded")
            gamma.markets = [window_of_now()]
            wait_for(lambda: not process.facts or not process.facts.problems, what="the problems to end")
            details = process.details(DiscoveryDetails)
            assert details is not None
            assert abs(details.clock_offset_s or 99) < 60
            process.stop()
    assert '"problem ended"' in process.log


def test_a_start_without_gamma_is_stated_at_once(tmp_path: Path, run_dir: Path) -> None:
    with fake_gamma() as gone:
        url = gone.server.url
    settings = {"exchange": {"gamma_url": url, "clob_url": url}}
    with alone("discovery", run_dir, tmp_path, settings) as process:
        wait_for(lambda: process.problem("discovery_failing"), what="the failure to be stated")
        assert "nothing is recorded" in process.problem("discovery_failing")
        process.stop()
