"""Makes closed archives of all that a crash or a copied disk left open below a data root.

Lanes with a journal are recovered by it. Files that no journal vouches for give their whole rows to a new
archive; what was torn is kept beside it, under a name that ends in `.torn`. Each step may be repeated.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from common.archive.journal import JournalLine, LaneRange, OpenFile, read_journals
from common.archive.read import iterate_lines
from common.archive.salvage.whole_rows import WholeRows
from common.archive.sidecar import RowTally, read_sidecar, sidecar_of, write_sidecar
from common.archive.writing.members import MemberStream
from common.archive.writing.open_archive import free_path
from common.archive.writing.store import LaneStore
from common.core.rows.facts import facts_of
from common.core.rows.names import (
    ARCHIVE_SUFFIX,
    OPEN_SUFFIX,
    RUNTIME_FOLDER,
    SAMPLE_FOLDER,
    STREAMS,
    Layout,
    lane_and_sequence,
    lane_of_open,
)
from common.core.rows.reading import row_of
from common.core.rows.websocket import Rows
from common.errors import ArchiveError
from common.files import DISK
from common.locks import RECORDER_LOCK, FileLock

SET_ASIDE_SUFFIXES = (".orphan", ".damaged")
TORN_SUFFIX = ".torn"
_TEMPORARY_SUFFIX = ".salvage"
_GZIP_LEVEL = 1
_WRITE_BYTES = 1 << 20


class Recovered(msgspec.Struct, frozen=True):
    """One file that was left: `archive` is the closed one that holds its rows now, "" if there is none."""

    file: str
    archive: str
    rows_kept: int
    bytes_cut: int
    words: str


def recover_data_root(data_root: Path, *, dry_run: bool) -> list[Recovered]:
    """Recover all that is left open; with `dry_run` only say what would be done.

    Raises AlreadyRunningError while a recorder runs there, ArchiveError where the disk does not let us.
    """
    lock = FileLock(data_root / RECORDER_LOCK, f"the data root {data_root}")
    try:
        journals = read_journals(data_root)
        done = [
            each for lane, line in journals.items() for each in _lane(data_root, lane, line, dry_run=dry_run)
        ]
        done += [_salvage(data_root, path, dry_run=dry_run) for path in _without_journal(data_root, journals)]
        if not dry_run:
            for path in _hidden(data_root, "tmp", _TEMPORARY_SUFFIX.removeprefix(".")):
                DISK.remove(path)
    except OSError as error:
        raise ArchiveError(f"{error.filename or data_root}: {error.strerror}") from error
    finally:
        lock.release()
    return done


def _hidden(data_root: Path, *endings: str) -> list[Path]:
    folders = (data_root / RUNTIME_FOLDER, data_root / SAMPLE_FOLDER)
    return sorted(
        path for folder in folders for ending in endings for path in folder.rglob(f".polymarket_*.{ending}")
    )


def _lane(data_root: Path, lane: int, line: JournalLine, *, dry_run: bool) -> Iterator[Recovered]:
    """By the journal, as the recorder itself does at its start; nothing at all where nothing is left."""
    left = [path for path in _hidden(data_root, "open") if _lane_of(path) == lane]
    if not left and all(_is_taken(data_root, file) for file in line.files):
        return
    known = {file.path.rpartition("/")[2]: file for file in line.files}
    before = {path: path.stat().st_size for path in left}
    if not dry_run:
        store = LaneStore.open(data_root, lane, layout=Layout("runtime"), gzip_level=_GZIP_LEVEL)
        findings = store.findings
        store.close()
        for finding in findings:
            yield Recovered(f"journal of lane {lane}", "", 0, 0, finding)
    for path, size in before.items():
        name = path.name.removeprefix(".").removesuffix(OPEN_SUFFIX)
        file = known.get(name)
        if file is None:
            words = "no commit names it: nothing of it was ever durable; removed"
            yield Recovered(_below(data_root, path), "", 0, size, words)
        elif size >= file.bytes:
            words = "closed by its journal"
            yield Recovered(_below(data_root, path), file.path, file.rows, size - file.bytes, words)


def _lane_of(path: Path) -> int:
    lane = lane_of_open(path.name)
    return 0 if lane is None else lane  # samples are written by the first lane


def _without_journal(data_root: Path, journals: dict[int, JournalLine]) -> list[Path]:
    left = [path for path in _hidden(data_root, "open") if _lane_of(path) not in journals]
    aside = _hidden(data_root, *(suffix.removeprefix(".") for suffix in SET_ASIDE_SUFFIXES))
    return sorted(left + aside)


def _salvage(data_root: Path, path: Path, *, dry_run: bool) -> Recovered:
    """Whole rows of one file into an archive of their own; the file itself goes, or stays as torn."""
    rows = WholeRows(path)
    if dry_run:
        count = sum(1 for _ in rows)
        cut = rows.size - rows.bytes_read
        return Recovered(_below(data_root, path), "", count, cut, "no journal knows it; would be salvaged")
    name = _archive_name(path)
    target = path.with_name(name)
    written = _rewrite(rows, path, _below(data_root, target))
    cut = rows.size - rows.bytes_read
    if not written.file.rows:
        archive = ""
    elif target.exists() and _same_rows(target, written):
        archive = _below(data_root, target)
    else:
        archive = _close(data_root, written, bytes_cut=cut)
    DISK.remove(written.temporary)
    _put_away(path, name, torn=bool(cut))
    words = "no journal knows it; its whole rows were salvaged" if archive else "holds no whole row"
    if cut:
        words += f"; the file is kept as .{name}{TORN_SUFFIX}"
    return Recovered(_below(data_root, path), archive, written.file.rows, cut, words)


def _archive_name(path: Path) -> str:
    name = path.name.removeprefix(".")
    return name[: name.index(ARCHIVE_SUFFIX) + len(ARCHIVE_SUFFIX)]


class _Written(msgspec.Struct, frozen=True):
    temporary: Path
    file: OpenFile
    tally: RowTally
    sha256: str
    rows_sha256: str


def _rewrite(rows: WholeRows, path: Path, target: str) -> _Written:
    """The rows in a new, hidden file, synced."""
    temporary = path.with_name(f".{_archive_name(path)}{_TEMPORARY_SUFFIX}")
    DISK.remove(temporary)
    tally, members, counts = RowTally(), MemberStream(_GZIP_LEVEL), dict[str, int]()
    digest, rows_digest, length = hashlib.sha256(), hashlib.sha256(), 0
    descriptor = DISK.create(temporary)
    try:
        for line in rows:
            row = row_of(line)
            tally.add(row.producer, facts_of(row))
            counts[row.producer] = counts.get(row.producer, 0) + 1
            rows_digest.update(line)
            members.add(Rows(b"", [line]))
            if members.ready_bytes >= _WRITE_BYTES:
                length += _put(descriptor, members.take(), digest)
        members.end()
        length += _put(descriptor, members.take(), digest)
        DISK.sync(descriptor)
    finally:
        os.close(descriptor)
    file = OpenFile(
        path=target,
        stream=next(stream for stream in STREAMS if f"_{stream}_" in target),
        opened_at_ns=0,
        bytes=length,
        rows=tally.rows,
        uncompressed_bytes=members.uncompressed_bytes,
        member_crc=0,
        member_size=0,
        producers={name: _lane_range(target, count) for name, count in counts.items()},
        closing=True,
        recovered=True,
    )
    return _Written(temporary, file, tally, digest.hexdigest(), rows_digest.hexdigest())


def _put(descriptor: int, data: bytes, digest: "hashlib._Hash") -> int:
    DISK.write(descriptor, data)
    digest.update(data)
    return len(data)


def _lane_range(target: str, rows: int) -> LaneRange:
    """By the archive's name, which tells the first lane sequence; a sample's begins at 1."""
    told = lane_and_sequence(target.rpartition("/")[2])
    first = told[1] if told else 1
    return LaneRange(first, first + rows - 1, rows)


def _same_rows(archive: Path, written: _Written) -> bool:
    """Whether an earlier salvage closed the same rows already, and only did not get to the end."""
    try:
        if read_sidecar(archive).rows != written.file.rows:
            return False
        digest = hashlib.sha256()
        for line in iterate_lines(archive):
            digest.update(line)
    except (OSError, msgspec.DecodeError, ArchiveError):
        return False
    return digest.hexdigest() == written.rows_sha256


def _close(data_root: Path, written: _Written, *, bytes_cut: int) -> str:
    """Sidecar, then the name, each durable. Gives the archive's path below the data root."""
    path = (
        free_path(data_root, written.file.path) if _is_taken(data_root, written.file) else written.file.path
    )
    file = msgspec.structs.replace(written.file, path=path, bytes_cut=bytes_cut)
    told = lane_and_sequence(path.rpartition("/")[2])
    sidecar = sidecar_of(file, told[0] if told else 0, written.sha256, written.tally)
    write_sidecar(data_root, path, sidecar, DISK)
    DISK.share(written.temporary)
    DISK.rename(written.temporary, data_root / path)
    DISK.sync_folder((data_root / path).parent)
    return path


def _is_taken(data_root: Path, file: OpenFile) -> bool:
    return (data_root / file.path).exists()


def _put_away(path: Path, name: str, *, torn: bool) -> None:
    if torn:
        DISK.rename(path, path.with_name(f".{name}{TORN_SUFFIX}"))
    else:
        DISK.remove(path)
    DISK.sync_folder(path.parent)


def _below(data_root: Path, path: Path) -> str:
    return path.relative_to(data_root).as_posix()
