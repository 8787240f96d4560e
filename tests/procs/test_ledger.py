"""The ledger process by itself, on a recording that is there."""

import time
from pathlib import Path

import msgspec

from common.core.ledger.union_today import UnionToday
from common.core.rows.names import WS_RAW
from tests.archive.recordings import DOWN, SECOND_NS, UP
from tests.archive.test_ledgers_of_two_legs import NEVER, record
from tests.procs.alone import alone, run_folder
from tests.waiting import wait_for

MINUTE_NS = 60 * SECOND_NS


def test_what_the_second_leg_gained_is_stated_and_counted(tmp_path: Path) -> None:
    """Of two windows: leg a is cut in the first one, leg b gets nothing for five seconds of the second."""
    base_ns = time.time_ns() // MINUTE_NS * MINUTE_NS - 10 * MINUTE_NS
    tokens = [msgspec.structs.replace(each, end_time_utc="") for each in (UP, DOWN)]
    record(tmp_path, "a", [(20, 30)], NEVER, base_ns=base_ns, tokens=tokens)
    record(tmp_path, "b", [], (80.0, 85.0), base_ns=base_ns, tokens=tokens)
    settings: dict[str, dict[str, object]] = {"writer": {"rotation_interval_seconds": 60}}
    with run_folder() as run_dir, alone("ledger", run_dir, tmp_path, settings=settings) as process:
        process.wait_for_counter("ledgers_written_total", 4)
        told = wait_for(lambda: process.detail("union_today"), what="what the day's ledgers state")
        ledgers = process.detail("ledgers")
        healed_ms = process.counter("legs_healed_milliseconds_total")
        withheld = process.counter("legs_withheld_messages_total")
        assert process.stop() == 0
    first = next(each for each in ledgers if each["stream"] == WS_RAW)
    assert first["condition"] == "complete"
    assert withheld == 2 * 4 * 5
    assert 15_000 <= healed_ms < 18_000
    today = msgspec.convert(told, UnionToday)
    assert today.windows in {1, 2}, "midnight may be between them"
    assert "two legs compared" in process.log
