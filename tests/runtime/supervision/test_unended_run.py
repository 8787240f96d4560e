"""A run that never ended in order is found by the next one, and its readers know since when nothing was recorded."""

from pathlib import Path

import pytest

from common.archive.journal import Journal, JournalLine, Mark
from common.config import Settings
from common.files import DISK
from common.queue.outbox_files import Outage
from common.runtime.process import Assignment, Runtime
from common.runtime.run.facts import Tally
from common.runtime.supervision.unended_run import MARK, UnendedRun, begin_run, end_run, outage_before

READER = "ws_reader-0"


def runtime(root: Path, *, unended_since_ns: int | None, index: int = 0, name: str = "") -> Runtime:
    assignment = Assignment(
        "r2", "runtime", 5000, str(root), str(root), Settings(), unended_since_ns=unended_since_ns
    )
    return Runtime(name or f"ws_reader-{index}", index, assignment, Tally(None))


def record(root: Path, at_ns: int, reader: str = READER, lane: int = 0) -> None:
    """The newest row of a reader, as the journal of a lane knows it."""
    (root / "journal").mkdir(exist_ok=True)
    line = JournalLine(marks={f"{reader}-20261123T115900Z-a1b2": Mark(9, at_ns)}, lane=lane)
    Journal.start(root / f"journal/lane-{lane}.journal", line, DISK).close()


def test_only_a_run_that_did_not_end_in_order_is_found(tmp_path: Path) -> None:
    first, second = UnendedRun("r1", 1000), UnendedRun("r2", 2000)
    assert begin_run(tmp_path, first) is None
    assert begin_run(tmp_path, second) == 1000
    end_run(tmp_path)
    assert begin_run(tmp_path, second) is None
    (tmp_path / MARK).write_bytes(b"\0" * 30)
    assert begin_run(tmp_path, second) == 0


def test_after_a_power_cut_a_reader_has_recorded_nothing_since_its_newest_row_on_any_lane(
    tmp_path: Path,
) -> None:
    record(tmp_path, 3000)
    record(tmp_path, 4000, lane=1)
    record(tmp_path, 4900, "rest_checkpointer", lane=2)
    assert outage_before(runtime(tmp_path, unended_since_ns=1000)) == Outage(4000, "machine_stopped")


@pytest.mark.parametrize(("index", "expected"), [(0, Outage(4500, "machine_stopped")), (1, None)])
def test_a_run_that_made_nothing_durable_counts_from_its_start_for_the_reader_that_surely_ran(
    tmp_path: Path, index: int, expected: Outage | None
) -> None:
    record(tmp_path, 3000)
    record(tmp_path, 3000, "ws_reader-1", lane=1)
    assert outage_before(runtime(tmp_path, unended_since_ns=4500, index=index)) == expected


def test_reference_prices_have_an_outage_of_their_own_and_none_where_they_were_never_recorded(
    tmp_path: Path,
) -> None:
    record(tmp_path, 4000)
    prices = runtime(tmp_path, unended_since_ns=1000, name="reference-rtds")
    assert outage_before(prices) is None
    record(tmp_path, 3000, "reference-rtds", lane=1)
    assert outage_before(prices) == Outage(3000, "machine_stopped")


def test_an_outbox_that_vanished_with_its_reader_counts_from_the_newest_row_of_this_run(
    tmp_path: Path,
) -> None:
    assert outage_before(runtime(tmp_path, unended_since_ns=None)) is None
    record(tmp_path, 4000)
    assert outage_before(runtime(tmp_path, unended_since_ns=None)) is None, "of an earlier run"
    record(tmp_path, 6000)
    assert outage_before(runtime(tmp_path, unended_since_ns=None)) == Outage(6000, "reader_died")
