"""A recorder whose log nobody reads."""

import os
import signal
from pathlib import Path

import pytest

from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import Recorder, assert_whole, exchange_beside, settings
from tests.end_to_end.running import started_command
from tests.runtime.test_log_output import fill
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured


def test_a_reader_of_the_log_that_stands_still_stops_neither_recording_nor_the_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    fill(writing)
    with (
        exchange_beside(tmp_path, SimulationOptions(rate=200)) as exchange,
        os.fdopen(reading, "rb"),
        os.fdopen(writing, "w") as log,
        started_command(
            "run_recorder", "--data-root", "d", folder=tmp_path, environment=settings(exchange.urls), log=log
        ) as process,
    ):
        running = Recorder(process, tmp_path / "d")
        wait_for(lambda: running.has_come_to("RUNNING_RECEIVING"), what="the recorder to receive")
        running.kill("archive_writer-0")  # which the supervisor logs, as the writer its own end and beginning
        running.wait_for_more()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert_whole(tmp_path)
    assert running.manifest["state"] == "STOPPED"
