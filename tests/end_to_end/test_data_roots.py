"""A spool or a data root that changes under a recorder: what is lost is declared, the rest is recorded."""

import shutil
from pathlib import Path

import pytest

from common.runtime.run.run_dir import default_run_dir
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import exchange_beside, messages, recorder, rows
from tests.end_to_end.running import run_command

pytestmark = pytest.mark.unmeasured


def remove(folder: Path) -> None:
    """Take a folder away from under those who write in it: in one step, for they make files while others go."""
    aside = folder.with_name(f".{folder.name}.removed")
    folder.rename(aside)
    shutil.rmtree(aside)


def test_a_spool_and_then_a_data_root_that_are_removed_while_recording_lose_nothing_that_is_not_declared(
    tmp_path: Path,
) -> None:
    with exchange_beside(tmp_path, SimulationOptions(rate=2000)) as exchange:
        with recorder(tmp_path, exchange) as running:
            running.wait_for_more("rows_written_total", than=8000)
            remove(default_run_dir(tmp_path / "d"))
            running.wait_for_more("run_folder_restorations_total", than=0)
            running.wait_for_more(
                "spool_restorations_total", than=1
            )  # of the reader, and of the checkpointer
            assert running.counter("process_restarts_total") == 0
            before = running.counter("rows_written_total")
            for name in ("journal", "raw_orderbooks"):
                remove(tmp_path / "d" / name)
            running.wait_for_more("process_restarts_total", than=0)
            running.wait_for_more("rows_written_total", than=before)
            log = running.stop()
        assert running.process.returncode == 0, log
        assert "was removed or replaced while it was written" in log
        assert "archives hold less than was acknowledged" in log
        gaps = [row for row in rows(tmp_path, "ws_raw") if row["record_type"] == "gap"]
        lost = [row["gap"] for row in gaps if row["gap"]["cause"] == "archives_missing"]
        numbers = {row["global_message_sequence"] for row in messages(tmp_path)}
        declared = {
            number
            for gap in lost
            for number in range(gap["first_global_message_sequence"], gap["last_global_message_sequence"] + 1)
        }
        # A segment that is still held brings back what was durable in the archives that are gone.
        assert numbers | declared == set(range(1, max(numbers) + 1))
        assert not numbers & declared
        verified = run_command("verify_archives", "--data-root", "d", folder=tmp_path)
        assert verified.returncode == 0, verified.stdout
        with recorder(tmp_path, exchange) as running:
            log = running.stop()
        assert running.process.returncode == 0, log
