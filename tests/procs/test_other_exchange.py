from collections.abc import Iterator
from pathlib import Path

import pytest

from common.archive.read import closed_archives
from common.runtime.run.details import NOTHING, ReaderDetails, last_error
from tests.doubles.websocket_server import Peer, WebsocketServer
from tests.procs.alone import alone, run_folder
from tests.procs.test_rest_checkpointer import discover
from tests.waiting import wait_for


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with run_folder() as folder:
        yield folder


def test_the_embedded_exchange_is_not_recorded_by_a_live_run(tmp_path: Path, run_dir: Path) -> None:
    def simulated(peer: Peer) -> None:
        peer.accept(b"x-exchange: simulated\r\n")
        peer.stay_until_the_client_leaves()

    discover(tmp_path)
    with WebsocketServer(simulated) as server:
        settings: dict[str, dict[str, object]] = {
            "exchange": {"ws_url": server.url},
            "websocket": {"reconnect_initial_delay_seconds": 0.05},
            "writer": {"commit_interval_seconds": 0.05},
        }
        with (
            alone("archive_writer", run_dir, tmp_path, settings, name="archive_writer-0") as writer,
            alone("ws_reader", run_dir, tmp_path, settings, name="ws_reader-0") as reader,
        ):
            reader.wait_for_counter("dial_failures_total", 2)
            said = wait_for(lambda: last_error(reader.details(ReaderDetails) or NOTHING), what="the reason")
            assert reader.stop() == 0, reader.log
            assert writer.stop() == 0, writer.log
    assert f"{server.url}: says that it is the embedded exchange, and this run records live data" in said
    assert closed_archives(tmp_path) == []
