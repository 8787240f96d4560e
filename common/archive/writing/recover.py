"""After a crash: every open archive is cut to what the journal says, ended, and closed as recovered.

Each step may be repeated, so a crash during recovery needs nothing of its own.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from common.archive.journal import Journal, JournalLine, OpenFile, latest_producers
from common.archive.read import iterate_lines
from common.archive.sidecar import RowTally
from common.archive.upload_records import was_uploaded
from common.archive.writing.journal_check import CheckedJournal, checked_journal, without_gone
from common.archive.writing.members import ending
from common.archive.writing.open_archive import finish_close
from common.core.rows.facts import facts_of
from common.core.rows.names import (
    OPEN_SUFFIX,
    STREAMS,
    lane_of_open,
    open_path,
    open_pattern,
    open_sample_pattern,
)
from common.core.rows.reading import row_of
from common.errors import ArchiveError
from common.files import Disk, sha256_of

SAMPLE_LANE = 0  # the one lane that may write samples, and may clear what one left


class Recovery(msgspec.Struct, frozen=True):
    """What a recovery made: the journal's new line and the archives it closed.

    `findings` describe what a crash of ours does not leave like this; the bytes are kept beside.
    """

    line: JournalLine
    closed: tuple[OpenFile, ...]
    findings: tuple[str, ...]


def recover_lane(data_root: Path, lane: int, journal_path: Path, disk: Disk) -> tuple[Journal, Recovery]:
    """Bring a lane whose lock is held to a clean state, and start a new journal. Raises OSError."""
    checked = checked_journal(data_root, lane, journal_path)
    findings: list[str] = [f"{checked.finding}; the archives say what is durable"] if checked.finding else []
    before = checked.line
    _clear_unknown(data_root, lane, checked, findings, disk)
    gone = [file for file in before.files if not file.closing and _is_gone(data_root, file)]
    findings += [
        f"{data_root / open_path(file.path)}: is gone, though the journal counts {file.bytes} bytes of it"
        for file in gone
    ]
    before = without_gone(data_root, lane, before, gone)
    totals, files = before.totals, []
    for file in before.files:
        whole = file if file.closing else _cut(data_root, file, findings, disk)
        if whole is not None:
            totals = totals.plus(file, whole)
            files.append(whole)
    durable = latest_producers(before.durable)
    fresh = JournalLine(before.n + 1, durable, tuple(files), totals, before.marks, lane)
    journal = Journal.start(journal_path, fresh, disk)
    closed = tuple(file for file in files if _close(data_root, lane, file, findings, disk))
    return journal, Recovery(fresh, closed, tuple(findings))


def _clear_unknown(
    data_root: Path, lane: int, checked: CheckedJournal, findings: list[str], disk: Disk
) -> None:
    """Remove open files that no commit names: nothing of them was ever durable.

    Without a journal that can be trusted that cannot be known, so they are set aside.
    """
    known = {data_root / open_path(file.path) for file in checked.line.files}
    for path in sorted(_open_files(data_root, lane)):
        if path in known:
            continue
        if checked.trusted:
            disk.remove(path)
        else:
            _set_aside(path, "orphan", "is open, and there is no journal that knows it", findings, disk)


def _open_files(data_root: Path, lane: int) -> Iterator[Path]:
    for stream in STREAMS:
        paths = data_root.glob(open_pattern(stream))
        yield from (path for path in paths if lane_of_open(path.name) == lane)
        if lane == SAMPLE_LANE:
            yield from data_root.glob(open_sample_pattern(stream))


def _is_gone(data_root: Path, file: OpenFile) -> bool:
    """Whether somebody removed an archive before it was proved at the remote."""
    here = (data_root / open_path(file.path)).exists() or (data_root / file.path).exists()
    return not here and not was_uploaded(data_root, file.path)


def _cut(data_root: Path, file: OpenFile, findings: list[str], disk: Disk) -> OpenFile | None:
    path = data_root / open_path(file.path)
    try:
        descriptor = disk.open(path)
    except FileNotFoundError:
        return None  # an earlier life closed it, or it is gone
    try:
        length = os.fstat(descriptor).st_size
        if length < file.bytes:
            words = f"holds {length} bytes, though {file.bytes} were made durable"
            _set_aside(path, "damaged", words, findings, disk)
            return None
        disk.truncate(descriptor, file.bytes)
        end = ending(file.member_crc, file.member_size) if file.member_size else b""
        disk.write(descriptor, end)
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
    return msgspec.structs.replace(
        file,
        bytes=file.bytes + len(end),
        member_crc=0,
        member_size=0,
        closing=True,
        recovered=True,
        bytes_cut=length - file.bytes,
    )


def _close(data_root: Path, lane: int, file: OpenFile, findings: list[str], disk: Disk) -> bool:
    """Finish a complete file; False if an earlier life did, or it is damaged."""
    path = data_root / open_path(file.path)
    if not path.exists():
        return False
    try:
        tally = _tally_rows(path, file.rows)
        sha256 = sha256_of(path)
        finish_close(data_root, lane, file, sha256=sha256, tally=tally, disk=disk)
    except ArchiveError as error:
        _set_aside(path, "damaged", f"cannot be closed: {error}", findings, disk)
        return False
    return True


def _tally_rows(path: Path, expected: int) -> RowTally:
    tally = RowTally()
    for line in iterate_lines(path):
        row = row_of(line)
        tally.add(row.producer, facts_of(row))
    if tally.rows != expected:
        raise ArchiveError(f"{path}: holds {tally.rows} rows, though {expected} were made durable")
    return tally


def _set_aside(path: Path, suffix: str, words: str, findings: list[str], disk: Disk) -> None:
    aside = path.with_name(f"{path.name.removesuffix(OPEN_SUFFIX)}.{suffix}")
    disk.rename(path, aside)
    disk.sync_folder(path.parent)
    findings.append(f"{path}: {words}; kept as {aside.name}")
