import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.polymarket.discovery_file import discovery_path, read_discovery_file
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
    path = discovery_path(tmp_path)
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
        assert "not JSON" in str(process.detail("last_error"))
        assert process.detail("last_success_at_utc") is None
        broken.clear()
        process.wait_for_counter("discoveries_total", 1)
        assert process.stop() == 0
        assert process.detail("last_error") == ""
        assert process.detail("last_success_at_utc") is not None
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
    assert not discovery_path(tmp_path).exists()
