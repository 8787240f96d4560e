"""A clock that is years off makes nothing old: retention deletes by the exchange's time."""

import time
from pathlib import Path

import pytest

from common.archive.read import closed_archives
from common.config import DiscoverySettings
from common.core.instants import utc_text
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile
from common.core.uploads.retention import Retention
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from common.uploads.expiry import Expiry
from common.uploads.stock import Stock
from tests.archive.recordings import DOWN, UP, Recorder

S = 1_000_000_000
YEARS_S = 20 * 365 * 86_400
A_DAY = Retention(max_age_seconds=86_400)


def record(root: Path, start_ns: int, *, reader: int, clock_offset_s: float) -> None:
    """Some minutes of archives, one a minute, whose sidecars state how far the clock was ahead."""
    recorder = Recorder(root, f"ws_reader-{reader}-run", start_ns)
    for store in recorder.stores:
        store.clock_offset = lambda: clock_offset_s
    recorder.open(UP, DOWN)
    recorder.messages(150)
    recorder.close_session()
    recorder.end()


def discovered(root: Path, clock_offset_s: float) -> None:
    """Just now, with a clock that is so far ahead of the exchange's."""
    found = DiscoveryFile(
        DISCOVERY_SCHEMA_VERSION,
        utc_text(time.time_ns()),
        "test",
        (),
        (),
        (),
        clock_offset_seconds=clock_offset_s,
    )
    write_discovery_file(discovery_path(root, DiscoverySettings()), found)


def gone(root: Path) -> int:
    before = len(closed_archives(root))
    assert Expiry(root, Stock(root, "", "read_back"), A_DAY, lambda _event: None).run_pass() == ""
    return before - len(closed_archives(root))


@pytest.mark.parametrize("ahead_s", [YEARS_S, 0])
def test_a_clock_that_jumps_years_ahead_while_recording_deletes_nothing(tmp_path: Path, ahead_s: int) -> None:
    """Our clock is the one that is ahead: by the exchange's the first archives are some minutes old."""
    now_ns = time.time_ns()
    record(tmp_path, now_ns - (YEARS_S + 600) * S, reader=0, clock_offset_s=0)
    record(tmp_path, now_ns - 300 * S, reader=1, clock_offset_s=ahead_s)
    discovered(tmp_path, ahead_s)
    assert (gone(tmp_path) > 0) == (ahead_s == 0), "with a clock that is right they are twenty years old"


@pytest.mark.parametrize("behind_s", [YEARS_S, 0])
def test_what_a_machine_recorded_that_was_booted_years_behind_is_as_old_as_it_is(
    tmp_path: Path, behind_s: int
) -> None:
    now_ns = time.time_ns()
    record(tmp_path, now_ns - (YEARS_S + 600) * S, reader=0, clock_offset_s=-behind_s)
    record(tmp_path, now_ns - 300 * S, reader=1, clock_offset_s=0)
    discovered(tmp_path, 0)
    assert (gone(tmp_path) > 0) == (behind_s == 0)
