import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.archive.hour_folders import newest_ledger
from common.core.counters import LEDGERS
from common.core.rows.names import WS_RAW, ledger_path
from tests.archive.recordings import DOWN, UP, Recorder
from tests.procs.alone import alone, run_folder

S = 1_000_000_000
YEARS_S = 20 * 365 * 86_400
SETTINGS = {"writer": {"rotation_interval_seconds": 60}}


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with run_folder() as folder:
        yield folder


def test_ledgers_go_on_after_a_clock_that_was_years_ahead_was_set_right(
    tmp_path: Path, run_dir: Path
) -> None:
    now_ns = time.time_ns()
    recorder = Recorder(tmp_path, start_ns=now_ns - 600 * S)
    recorder.open(UP, DOWN)
    recorder.messages(150)
    recorder.close_session()
    recorder.end()
    ahead = tmp_path / ledger_path(WS_RAW, now_ns // (60 * S) * 60 * S + YEARS_S * S)
    ahead.parent.mkdir(parents=True)
    ahead.write_bytes(b"{}")
    with alone("ledger", run_dir, tmp_path, SETTINGS) as process:
        process.wait_for_counter(LEDGERS, 2)
        assert process.stop() == 0
    newest_ns = newest_ledger(tmp_path, WS_RAW, until_ns=now_ns)
    assert newest_ns is not None
    assert newest_ns > now_ns - 700 * S  # the window in which it began
