"""The journal: its last good line is the truth."""

from pathlib import Path

import msgspec
import pytest

from common.archive.journal import (
    COMPACT_BYTES,
    KEPT_PRODUCERS,
    Journal,
    JournalLine,
    latest_producers,
    read_journal,
)
from common.files import DISK
from common.version import PROGRAM_VERSION


def written(line: JournalLine) -> JournalLine:
    """A line as the journal has it: with the program that wrote it."""
    return msgspec.structs.replace(line, program_version=PROGRAM_VERSION)


def test_a_torn_or_altered_tail_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "lane-0.journal"
    journal = Journal.start(path, JournalLine(1), DISK)
    journal.append(JournalLine(2, {"p": 7}))
    whole = path.read_bytes()
    journal.append(JournalLine(3, {"p": 9}))
    journal.close()
    last = path.read_bytes()[len(whole) :]
    for tail in (b"", last[:-10], last.replace(b"9", b"8"), b"\0" * 400, b"zz\n"):
        path.write_bytes(whole + tail)
        assert read_journal(path) == written(JournalLine(2, {"p": 7}))


def test_a_journal_that_holds_no_good_line_is_none(tmp_path: Path) -> None:
    path = tmp_path / "lane-0.journal"
    assert read_journal(path) is None
    path.write_bytes(b"00000000 {}\n")
    assert read_journal(path) is None


def test_a_long_journal_is_compacted_to_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "lane-0.journal"
    journal = Journal.start(path, JournalLine(), DISK)
    durable = {f"producer-{n:04d}": n for n in range(400)}
    for n in range(1, 300):
        journal.append(JournalLine(n, durable))
        assert path.stat().st_size <= COMPACT_BYTES
    journal.close()
    assert read_journal(path) == written(JournalLine(299, durable))


@pytest.mark.parametrize(("given", "kept"), [(3, 3), (KEPT_PRODUCERS + 5, KEPT_PRODUCERS)])
def test_only_the_latest_producers_are_kept(given: int, kept: int) -> None:
    durable = {str(n): n for n in range(given)}
    assert list(latest_producers(durable)) == [str(n) for n in range(given - kept, given)]


def test_a_line_is_plain_json_behind_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "lane-0.journal"
    Journal.start(path, JournalLine(4, {"p": 1}), DISK).close()
    _, _, text = path.read_bytes().partition(b" ")
    assert msgspec.json.decode(text)["n"] == 4
