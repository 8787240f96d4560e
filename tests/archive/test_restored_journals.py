"""A journal that is not that of the archives beside it: the archives say what is durable, nothing is removed."""

import shutil
import zlib
from pathlib import Path

import msgspec
import pytest

from common.archive.journal import Journal, JournalLine, Mark, read_journal
from common.archive.read import closed_archives
from common.archive.writing.store import LaneStore
from common.errors import ArchiveError, ConfigError
from common.files import DISK
from tests.archive.rows import HOUR_NS, NOON_NS, PRODUCER, RUNTIME, append_all, message


def open_store(root: Path, lane: int = 0) -> LaneStore:
    return LaneStore.open(root, lane, layout=RUNTIME, gzip_level=1)


def record(root: Path, first: int, last: int, *, lane: int = 0, close: bool = True) -> None:
    store = open_store(root, lane)
    append_all(store, [message(n) for n in range(first, last + 1)])
    store.commit()
    if close:
        store.close_all()
    store.close()


def journal(root: Path, lane: int = 0) -> Path:
    return root / f"journal/lane-{lane}.journal"


def test_without_a_journal_the_sidecars_say_what_is_durable(tmp_path: Path) -> None:
    record(tmp_path, 1, 5)
    journal(tmp_path).unlink()
    store = open_store(tmp_path)
    assert store.durable == {PRODUCER: 5}
    assert store.mark(PRODUCER) == Mark(5, NOON_NS + 5 * 10**9)
    assert "is missing, though archives of lane 0 are here" in store.findings[0]
    store.close()


def test_a_data_root_without_archives_has_no_journal_and_that_is_no_finding(tmp_path: Path) -> None:
    record(tmp_path, 1, 5, lane=1)
    store = open_store(tmp_path)
    assert (store.durable, store.findings) == ({}, ())
    store.close()


def test_a_journal_of_yesterday_is_raised_to_what_the_archives_hold_and_removes_nothing(
    tmp_path: Path,
) -> None:
    record(tmp_path, 1, 5)
    yesterday = journal(tmp_path).read_bytes()
    record(tmp_path, 6, 9)
    record(tmp_path, 10, 12, close=False)
    journal(tmp_path).write_bytes(yesterday)
    store = open_store(tmp_path)
    assert store.durable == {PRODUCER: 9}
    assert "is older than the archives" in store.findings[0]
    assert [path.name.endswith(".orphan") for path in tmp_path.rglob("*.orphan")] == [True]
    append_all(store, [message(10)])
    store.close_all()
    store.close()
    assert len(closed_archives(tmp_path)) == 3


@pytest.mark.parametrize("named", ["in the line", "by its archives"])
def test_the_journal_of_another_lane_is_not_believed(tmp_path: Path, named: str) -> None:
    record(tmp_path, 1, 5)
    record(tmp_path, 1, 90, lane=1, close=False)
    shutil.copy(journal(tmp_path, 1), journal(tmp_path))
    if named == "by its archives":
        line = read_journal(journal(tmp_path))
        assert line is not None
        Journal.start(journal(tmp_path), msgspec.structs.replace(line, lane=None), DISK).close()
    store = open_store(tmp_path)
    assert store.durable == {PRODUCER: 5}
    assert "is the journal of lane 1" in store.findings[0]
    store.close()
    other = open_store(tmp_path, 1)
    assert other.durable == {PRODUCER: 90}
    other.close()


def test_a_journal_full_of_zeros_is_a_finding(tmp_path: Path) -> None:
    record(tmp_path, 1, 5)
    journal(tmp_path).write_bytes(b"\0" * 4096)
    store = open_store(tmp_path)
    assert store.durable == {PRODUCER: 5}
    assert "holds no line that can be read" in store.findings[0]
    store.close()


def test_a_journal_of_a_newer_version_is_refused_and_stays(tmp_path: Path) -> None:
    record(tmp_path, 1, 5)
    Journal.start(journal(tmp_path), JournalLine(format_version=2), DISK).close()
    before = journal(tmp_path).read_bytes()
    with pytest.raises(ConfigError, match=r"format_version is 2.* knows 1 at most"):
        open_store(tmp_path)
    assert journal(tmp_path).read_bytes() == before


def test_a_journal_of_an_older_version_is_taken_over(tmp_path: Path) -> None:
    record(tmp_path, 1, 5)
    line = read_journal(journal(tmp_path))
    assert line is not None
    document = msgspec.to_builtins(line)
    for added in ("format_version", "marks", "lane"):
        del document[added]
    text = msgspec.json.encode(document)
    journal(tmp_path).write_bytes(b"%08x %b\n" % (zlib.crc32(text), text))
    store = open_store(tmp_path)
    assert (store.durable, store.findings) == ({PRODUCER: 5}, ())
    store.close()


@pytest.mark.parametrize("what", ["journal/lane-0.journal", "raw_orderbooks"])
def test_a_data_root_that_is_emptied_while_it_is_written_ends_the_commit(tmp_path: Path, what: str) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1)])
    store.commit()
    path = tmp_path / what
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    append_all(store, [message(2)])
    with pytest.raises(ArchiveError, match="was removed or replaced while it was written"):
        store.commit()
    store.close()


def test_skipped_rows_leave_a_hole_between_two_archives(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1), message(2)])
    store.skip(PRODUCER, 7)
    append_all(store, [message(8, at_ns=NOON_NS + HOUR_NS // 2)])
    assert store.commit() == {PRODUCER: 8}
    store.close_all()
    store.close()
    assert [path.name[-20:-9] for path in closed_archives(tmp_path)] == ["00000000001", "00000000008"]


def test_what_was_begun_in_a_data_root_that_was_emptied_leaves_no_trace(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1)])
    store.commit()
    for name in ("journal", "raw_orderbooks"):
        shutil.rmtree(tmp_path / name)
    append_all(store, [message(2), message(3, at_ns=NOON_NS + HOUR_NS)])
    with pytest.raises(ArchiveError, match="was removed or replaced"):
        store.commit()
    store.close()
    again = open_store(tmp_path)
    assert (again.durable, again.findings) == ({}, ())
    again.close()
