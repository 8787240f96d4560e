import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import messages, recorder, rows
from tests.end_to_end.running import oracle_findings
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured
RUN_DIR_MIB = 18  # of which 8 are never given to the spool


@pytest.fixture
def small_run_dir(short_folder: Path) -> Iterator[Path]:
    """A run folder on a file system of its own that is soon full."""
    folder = short_folder / "r"
    folder.mkdir()
    options = f"size={RUN_DIR_MIB}m,mode=0700"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_file_system_under_the_spool_stops_nobody_and_the_exact_range_is_declared(
    tmp_path: Path, small_run_dir: Path
) -> None:
    options = SimulationOptions(rate=3000, oracle=str(tmp_path / "oracle"))
    environment = {"RECORDER__PATHS__RUN_DIR": str(small_run_dir)}
    with (
        EmbeddedExchange(options, tmp_path / "exchange") as exchange,
        recorder(tmp_path, exchange, environment=environment) as running,
    ):
        writer = running.pids()["archive_writer-0"]
        os.kill(writer, signal.SIGSTOP)
        try:
            wait_for(
                lambda: running.counter("rest_checkpoints_dropped_total"),
                what="the spool to be full",
                timeout_s=120,
            )
            running.wait_for_more("ws_messages_total")
        finally:
            os.kill(writer, signal.SIGCONT)
        wait_for(lambda: running.manifest["gaps"], what="the gap to be declared")
        running.wait_for_more("rows_written_total")
        log = running.stop()
    assert running.process.returncode == 0, log
    assert running.counter("process_restarts_total") == 0
    gaps = [row["gap"] for row in rows(tmp_path, "ws_raw") if row["record_type"] == "gap"]
    assert {gap["cause"] for gap in gaps} == {"spool_full"}
    refused = {
        number
        for gap in gaps
        for number in range(gap["first_global_message_sequence"], gap["last_global_message_sequence"] + 1)
    }
    numbers = {row["global_message_sequence"] for row in messages(tmp_path)}
    assert numbers | refused == set(range(1, max(numbers | refused) + 1))
    assert not numbers & refused
    [finding] = oracle_findings(tmp_path / "oracle", tmp_path / "d")
    assert f": {len(refused)} missing of {max(numbers | refused)} " in finding
