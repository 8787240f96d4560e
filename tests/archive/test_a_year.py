"""A year of history in a data root: what is done again and again depends on what is new."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.archive.hour_folders import archives_since, newest_ledger, newest_windows
from common.archive.upload_records import write_record
from common.core.rows.names import WS_RAW, Layout, ledger_path, sidecar_path
from common.core.uploads.record import UploadRecord
from common.uploads.parcels import OLD_NS, RARELY, ParcelFinder
from common.uploads.stock import Stock
from tests.archive.rows import HOUR_NS, NOON_NS

HOURS = 365 * 24
LAYOUT = Layout("runtime")
_counted: Counter[str] | None = None


def _count(event: str, _arguments: object) -> None:
    if _counted is not None and event in {"os.scandir", "os.listdir", "open"}:
        _counted[event] += 1


sys.addaudithook(_count)


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """How often folders are listed and files are opened."""
    global _counted  # noqa: PLW0603 - an audit hook cannot be taken away
    counted = Counter[str]()
    _counted = counted
    try:
        yield counted
    finally:
        _counted = None


def path_of(hour: int) -> str:
    return LAYOUT.path(WS_RAW, "ws_reader-0", lane=0, first_sequence=hour + 1, window_start_ns=start(hour))


def start(hour: int) -> int:
    return NOON_NS - (HOURS - hour) * HOUR_NS


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Closed archives of a year with their sidecars, and ledgers of all but the last two hours."""
    root = tmp_path_factory.mktemp("year")
    for hour in range(HOURS):
        touch(root / path_of(hour))
        touch(root / sidecar_path(path_of(hour)))
        if hour < HOURS - 2:
            touch(root / ledger_path(WS_RAW, start(hour)))
    return root


def test_what_wants_a_ledger_is_found_without_a_look_at_what_has_one(year: Path) -> None:
    with counting() as counted:
        last = newest_ledger(year, WS_RAW)
        assert last == start(HOURS - 3)
        found = archives_since(year, last)
    assert [path.relative_to(year).as_posix() for path in found] == [path_of(HOURS - n) for n in (3, 2, 1)]
    assert counted.total() < 12


def test_without_any_ledger_only_the_newest_windows_are_looked_for(year: Path) -> None:
    with counting() as counted:
        assert newest_windows(year, 48) == [start(HOURS - n) for n in range(48, 0, -1)]
    assert counted.total() < 48 + 8


def test_nothing_has_a_newest_window_or_ledger_in_an_empty_data_root(tmp_path: Path) -> None:
    assert (newest_ledger(tmp_path, WS_RAW), newest_windows(tmp_path, 48)) == (None, [])
    assert archives_since(tmp_path, 0) == []


def test_an_uploader_lists_only_the_folders_that_changed(year: Path) -> None:
    finder = ParcelFinder(year)
    later_ns = (year / path_of(HOURS - 1)).stat().st_mtime_ns + 10 * 10**9
    first = finder.look(later_ns)
    assert len(first.parcels) == HOURS + HOURS - 2
    with counting() as counted:
        assert finder.look(later_ns) == first
    assert counted.total() == 0
    new = path_of(HOURS)
    touch(year / new)
    touch(year / sidecar_path(new))
    with counting() as counted:
        assert {each.path for each in finder.look(later_ns).parcels} - {
            each.path for each in first.parcels
        } == {new}
    assert 1 <= counted.total() <= 4, "its folder, and those above it if it is new"
    (year / new).unlink()
    (year / sidecar_path(new)).unlink()


def test_what_has_not_changed_for_a_day_is_looked_at_now_and_then(tmp_path: Path) -> None:
    touch(tmp_path / path_of(1))
    touch(tmp_path / sidecar_path(path_of(1)))
    finder = ParcelFinder(tmp_path)
    later_ns = (tmp_path / path_of(1)).stat().st_mtime_ns + OLD_NS + 10**9
    assert len(finder.look(later_ns).parcels) == 1
    late = path_of(1).replace("_s0", "_s9")
    touch(tmp_path / late)
    touch(tmp_path / sidecar_path(late))
    looks = 1
    while len(finder.look(later_ns).parcels) == 1:
        looks += 1
    assert looks == RARELY


def record_of(path: str, *, cleaned: bool) -> UploadRecord:
    return UploadRecord(
        schema_version=1,
        path=path,
        remote="store:b",
        remote_path=f"store:b/{path}",
        bytes=1,
        sha256="",
        proof="read_back",
        verified_at_utc=f"2026-01-01T00:00:0{int(cleaned)}.000000Z",
        sidecar={"archive": path, "sessions": ["x" * 1000]},
        cleaned_at_utc="2026-01-02T00:00:00.000000Z" if cleaned else None,
    )


def test_records_of_what_left_long_ago_are_counted_and_not_kept(tmp_path: Path) -> None:
    for hour in range(3):
        write_record(tmp_path, record_of(path_of(hour), cleaned=True))
    for name in (path_of(3), sidecar_path(path_of(3))):
        touch(tmp_path / name)
    write_record(tmp_path, record_of(path_of(3), cleaned=False))
    stock = Stock(tmp_path, "store:b", "read_back")
    stock.look()
    assert stock.proofs == (4, "2026-01-01T00:00:01.000000Z")
    assert (list(stock.proved), stock.waiting) == ([path_of(3)], {})


def test_the_folders_of_an_hour_that_is_long_over_go_with_its_last_archive(tmp_path: Path) -> None:
    for name in (path_of(3), sidecar_path(path_of(3))):
        touch(tmp_path / name)
    write_record(tmp_path, record_of(path_of(3), cleaned=False))
    stock = Stock(tmp_path, "store:b", "read_back")
    stock.look()
    folder = (tmp_path / path_of(3)).parent
    for path in folder.iterdir():
        path.unlink()
    stock.cleaned(path_of(3), NOON_NS, "retention.max_bytes")
    assert not folder.parent.exists()
    assert folder.parent.parent.exists()
    stock.look()
    assert (stock.proved, stock.waiting, stock.proofs[0], stock.half_removed()) == ({}, {}, 1, [])


def test_what_a_clock_that_was_ahead_has_left_in_the_future_is_not_the_newest(tmp_path: Path) -> None:
    years = 20 * 8760
    for hour in (0, 1, years):
        touch(tmp_path / path_of(hour))
        touch(tmp_path / ledger_path(WS_RAW, start(hour)))
    touch(tmp_path / path_of(2))
    assert newest_ledger(tmp_path, WS_RAW) == start(years)
    assert newest_ledger(tmp_path, WS_RAW, until_ns=start(3)) == start(1)
    assert newest_ledger(tmp_path, WS_RAW, until_ns=start(1) - 1) == start(0)
    assert newest_windows(tmp_path, 48, until_ns=start(3)) == [start(0), start(1), start(2)]
    assert newest_windows(tmp_path, 2, until_ns=start(1)) == [start(0), start(1)]
