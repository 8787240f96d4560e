from typing import Any

import pytest

from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.status.blocks import Block
from common.core.status.upload_block import upload_block
from common.core.terminal.text import Bar, Line, plain

NOW = parse_utc_ns("2026-11-23T12:00:00Z")
GIB = 2**30


def at(seconds: float) -> str:
    return utc_text(NOW + int(seconds * NS_PER_SECOND))


def remark(**upload: Any) -> str:  # noqa: ANN401 - any shape
    return upload_block({"enabled": True, **upload}, {}, NOW, running=True).remark


def rows(
    upload: dict[str, Any] | None = None, disk: dict[str, Any] | None = None, *, running: bool = True
) -> tuple[Line, ...]:
    return lines_of(upload_block(upload or {}, disk or {}, NOW, running=running))


def lines_of(block: Block) -> tuple[Line, ...]:
    """Its rows, each of which has one cell."""
    return tuple(cell for [cell] in block.rows if not isinstance(cell, Bar))


def lines(
    upload: dict[str, Any] | None = None, disk: dict[str, Any] | None = None, *, running: bool = True
) -> list[str]:
    return [plain(row) for row in rows(upload, disk, running=running)]


def test_a_manifest_without_uploads_says_off_and_has_no_rows() -> None:
    block = upload_block({}, {}, NOW, running=True)
    assert (block.title, block.remark, block.rows) == ("UPLOAD", "off", ())


def test_an_uploader_that_has_not_spoken_is_said_not_to_have() -> None:
    assert remark() == "nothing heard of the uploader yet"


@pytest.mark.parametrize(
    ("upload", "shown"),
    [
        ({}, "no success yet"),
        ({"backlog_files": 0}, "nothing waits, no success yet"),
        (
            {"backlog_files": 0, "last_success_at_utc": at(-65)},
            "nothing waits, last success 1:05 ago",
        ),
        (
            {
                "backlog_files": 1200,
                "backlog_bytes": 3 * GIB,
                "oldest_waiting_at_utc": at(-7200),
                "last_success_at_utc": at(-7300),
                "behind": True,
            },
            "behind: 1,200 waiting, 3.0 GiB, oldest 2:00:00, last success 2:01:40 ago",
        ),
        ({"backlog_files": 2}, "2 waiting, 0 B, no success yet"),
    ],
)
def test_the_backlog_stands_beside_the_title(upload: dict[str, Any], shown: str) -> None:
    assert remark(state="waiting", **upload) == shown


def test_the_first_alarm_comes_first_and_the_others_last() -> None:
    told = {"state": "waiting", "remote": "r:b", "alarms": ["one", "two", "three"], "last_error": "away"}
    disk = {"free_bytes": GIB, "total_bytes": 2 * GIB}
    assert lines(told, disk) == [
        "  ALARM one",
        "  failed: away",
        "  disk 1.0 GiB of 2.0 GiB free",
        "  waiting, to r:b",
        "  ALARM two",
        "  ALARM three",
    ]


def test_a_failure_tells_since_when_and_when_it_is_tried_again() -> None:
    failing = {
        "failing": True,
        "last_error": "remote is away",
        "last_error_at_utc": at(-30),
        "next_attempt_at_utc": at(90),
    }
    assert lines(failing) == ["  failing 0:30 ago, again in 1:30: remote is away"]
    assert rows(failing)[0][0][1] == "bad"
    assert lines({**failing, "next_attempt_at_utc": at(-5)}) == [
        "  failing 0:30 ago, again in 0:00: remote is away"
    ]
    assert lines({**failing, "next_attempt_at_utc": None}) == ["  failing 0:30 ago: remote is away"]


def test_a_stopped_recorder_tries_nothing_again() -> None:
    failing = {"failing": True, "last_error": "away", "next_attempt_at_utc": at(90)}
    assert lines(failing, running=False) == ["  failing: away"]


def test_an_error_that_was_overcome_is_still_told_but_not_in_red() -> None:
    overcome = {"last_error": "away", "last_error_at_utc": at(-60), "next_attempt_at_utc": at(9)}
    assert lines(overcome) == ["  failed 1:00 ago: away"]
    assert rows(overcome)[0][0][1] == "dim"


def test_words_that_could_not_be_understood_are_shown_although_nothing_else_is_known() -> None:
    block = upload_block(
        {"enabled": True, "failing": True, "last_error": "cannot be understood"}, {}, NOW, running=True
    )
    assert block.remark == "nothing heard of the uploader yet"
    assert [plain(row) for row in lines_of(block)] == ["  failing: cannot be understood"]


def test_the_disk_has_its_row_and_says_when_it_is_full() -> None:
    disk = {"free_bytes": 10 * GIB, "total_bytes": 20 * GIB, "archive_bytes_per_second": 2048.0}
    assert lines(disk=disk) == ["  disk 10.0 GiB of 20.0 GiB free"]
    later, soon = {**disk, "full_in_seconds": 86_400}, {**disk, "full_in_seconds": 86_399}
    assert lines(disk=later) == ["  disk full in 1 d 0 h at 2.0 KiB/s   10.0 GiB of 20.0 GiB free"]
    assert rows(disk=later)[0][0][1] == ""
    assert rows(disk=soon)[0][0][1] == "bad"
    assert lines(disk=soon, running=False) == ["  disk 10.0 GiB of 20.0 GiB free"]


def test_a_full_disk_is_said_in_two_words() -> None:
    full = {"free_bytes": 0, "total_bytes": 20 * GIB, "full_in_seconds": 0}
    assert lines(disk=full) == ["  disk full   0 B of 20.0 GiB free"]


def test_where_it_goes_and_what_was_proved_there_is_told() -> None:
    assert lines({"state": "uploading", "remote": "r:b", "verified_files": 12_345}) == [
        "  uploading, to r:b   12,345 verified"
    ]
    assert lines({"state": "off"}) == ["  off, to no remote"]
