"""Every reader of archives gives the rows in the order in which they were recorded, over lanes and reboots."""

from functools import partial
from pathlib import Path

from common.archive.hours import hour_archive, part_of, rows_of
from common.archive.read import closed_archives
from common.archive.replay import read_archive
from common.core.rows.order import in_recorded_order
from tests.archive.recordings import DOWN, PRODUCER, SECOND_NS, UP, Recorder
from tests.archive.rows import NOON_NS

BOOTED_AGO_NS = 3 * SECOND_NS


def numbers_of_a_replay(root: Path) -> list[int]:
    return [row.global_message_sequence for row in read_archive(root)]


def numbers_of_a_ledger(root: Path) -> list[int]:
    archives = [each for path in closed_archives(root) if (each := hour_archive(path)) is not None]
    parts = [part_of(each, partial(rows_of, each.path, lambda _torn: None)) for each in archives]
    rows = in_recorded_order(parts)
    return [row.global_message_sequence for _, row in rows]


def reboot(recorder: Recorder, *, away_ns: int = 5 * SECOND_NS) -> None:
    """The monotonic clock begins again; the wall clock has gone on."""
    wall_ns = recorder.at_ns + recorder.wall_ahead_ns + away_ns
    recorder.at_ns = NOON_NS - 100 * SECOND_NS + BOOTED_AGO_NS
    recorder.wall_ahead_ns = wall_ns - recorder.at_ns


def test_a_replay_and_a_ledger_agree_after_a_reboot_over_two_lanes(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(6)
    reboot(recorder)
    recorder.close_session("reader_died")
    recorder.open(UP, DOWN)
    recorder.messages(6)
    recorder.close_session()
    recorder.end()
    in_turn = [0, *range(1, 7), 0, 0, *range(7, 13), 0]
    assert numbers_of_a_replay(tmp_path) == in_turn
    assert numbers_of_a_ledger(tmp_path) == in_turn


def test_a_lane_that_had_no_row_before_a_reboot_keeps_its_place(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(3)
    reboot(recorder)
    recorder.close_session("reader_died")
    recorder.open(UP)
    recorder.messages(9)
    recorder.end()
    in_turn = [0, *range(1, 4), 0, 0, *range(4, 13)]
    assert numbers_of_a_replay(tmp_path) == in_turn
    assert numbers_of_a_ledger(tmp_path) == in_turn


def test_a_clock_that_is_set_back_changes_no_order(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(6)
    recorder.wall_ahead_ns -= 4 * SECOND_NS
    recorder.messages(6)
    recorder.close_session()
    recorder.end()
    assert numbers_of_a_replay(tmp_path) == [0, *range(1, 13), 0]
    assert numbers_of_a_ledger(tmp_path) == [0, *range(1, 13), 0]
    assert PRODUCER in {row.producer for row in read_archive(tmp_path)}
