"""Archives of two lanes and several windows are read as one recording."""

from pathlib import Path

from common.archive.replay import read_archive, replay
from common.core.archive_names import sidecar_path
from common.core.rows import GAP, SESSION_CLOSED
from tests.archive.recordings import archive, good_recording


def test_messages_come_in_the_order_of_their_numbers_and_life_cycle_rows_where_they_happened(
    tmp_path: Path,
) -> None:
    good_recording(tmp_path)
    rows = list(read_archive(tmp_path))
    numbers = [row.global_message_sequence for row in rows if row.global_message_sequence]
    assert numbers == [*range(1, 81), *range(84, 91)]
    times = [row.received_monotonic_ns for row in rows]
    assert times == sorted(times)
    assert [row.record_type for row in rows].index(SESSION_CLOSED) == 72
    assert rows[-1].record_type == SESSION_CLOSED


def test_an_archive_that_lost_its_sidecar_is_read_in_the_same_order(tmp_path: Path) -> None:
    good_recording(tmp_path)
    before = list(read_archive(tmp_path))
    Path(sidecar_path(str(archive(tmp_path, 1)))).unlink()
    assert list(read_archive(tmp_path)) == before


def test_since_and_until_bound_the_receive_time(tmp_path: Path) -> None:
    good_recording(tmp_path)
    times = [row.received_at_ns for row in read_archive(tmp_path)]
    since, until = times[20], times[60]
    bounded = [row.received_at_ns for row in read_archive(tmp_path, since=since, until=until)]
    assert bounded == [at for at in times if since <= at < until]


def test_sessions_gaps_and_missing_messages_void_the_books(tmp_path: Path) -> None:
    good_recording(tmp_path)
    broken = [
        (step.row.record_type, step.broken.reason) for step in replay(read_archive(tmp_path)) if step.broken
    ]
    assert (GAP, "a gap: spool_full") in broken
    assert ("message", "messages are missing") in broken
    assert [reason for _, reason in broken].count("a new session") == 2
