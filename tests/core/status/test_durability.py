from common.core.status.durability import WaitingLane, WriterWord, bound_s, late_rows

READER = "ws_reader-0"


def reasons(writer: WriterWord | None, *, oldest_s: float = 45.0, owned: bool = True) -> dict[str, str]:
    writers = {0: writer} if writer is not None else {}
    return late_rows([WaitingLane(READER, 0, oldest_s, owned)], writers, limit_s=30.0)


def test_no_row_waits_for_longer_than_half_a_minute_or_ten_commits() -> None:
    assert bound_s(1.0) == 30.0
    assert bound_s(10.0) == 100.0


def test_rows_that_wait_for_no_longer_than_they_may_are_not_late() -> None:
    assert reasons(WriterWord(silent_s=0.3), oldest_s=29.0) == {}


def test_the_reason_names_producer_age_and_the_failure_of_the_writer_while_they_waited() -> None:
    failed = WriterWord("lane 0: a commit failed: No space left on device", failed_s=4.0, silent_s=0.3)
    assert reasons(failed) == {
        "ws_reader-0 lane 0": "received rows of ws_reader-0 are not durable, the oldest for 0:45:"
        " archive_writer-0 failed: lane 0: a commit failed: No space left on device"
    }


def test_a_failure_before_the_rows_came_is_not_their_reason() -> None:
    before = WriterWord("lane 0: a commit failed", failed_s=300.0, silent_s=0.3)
    assert "too slow" in reasons(before)["ws_reader-0 lane 0"]


def test_a_writer_that_is_silent_that_never_began_or_that_has_not_come_for_the_lane_is_named() -> None:
    assert "has been silent for 0:40" in reasons(WriterWord(silent_s=40.0))["ws_reader-0 lane 0"]
    assert "has not begun its work" in reasons(None)["ws_reader-0 lane 0"]
    assert "has not claimed lane 0" in reasons(WriterWord(silent_s=1.0), owned=False)["ws_reader-0 lane 0"]
