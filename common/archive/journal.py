"""The journal of a lane: one checksummed line for each commit. The last good line is the truth, no other.

What is durable is what the last line says; bytes of archives after its lengths were never written, as far as
anyone may know.
"""

import errno
import os
import zlib
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from common.core.format_version import refuse_newer
from common.files import REMOVED, Disk, is_same_file, write_atomically
from common.version import PROGRAM_VERSION

COMPACT_BYTES = 1 << 20
JOURNAL_FORMAT = 1
TAIL_BYTES = 128 * 1024  # of a journal, in which the last good line nearly always is
KEPT_MARKS = 16  # of the latest producers, which alone may have an outbox
KEPT_PRODUCERS = 512  # bounds a line; the oldest belong to runs that ended long ago


class LaneRange(msgspec.Struct, frozen=True):
    """The rows of one producer in one archive, by lane sequence."""

    first_lane_sequence: int
    last_lane_sequence: int
    rows: int


class OpenFile(msgspec.Struct, frozen=True):
    """An open archive as of a commit.

    `path` is that of the closed archive below the data root. `member_crc` and `member_size` describe the
    uncompressed bytes of the unfinished gzip member, size 0 if there is none. A `closing` file is complete:
    only its sidecar and its rename may be missing.
    """

    path: str
    stream: str
    opened_at_ns: int
    bytes: int
    rows: int
    uncompressed_bytes: int
    member_crc: int
    member_size: int
    producers: dict[str, LaneRange]
    closing: bool = False
    recovered: bool = False
    bytes_cut: int = 0


class Totals(msgspec.Struct, frozen=True):
    """What a lane has written since its journal began; `bytes` are compressed."""

    rows: int = 0
    bytes: int = 0
    uncompressed_bytes: int = 0
    archives_closed: int = 0
    archives_recovered: int = 0

    def plus(self, before: OpenFile | None, after: OpenFile) -> "Totals":
        """These totals after an archive went from one commit's state to the next one's."""
        closed = int(after.closing and not (before and before.closing))
        return Totals(
            rows=self.rows + after.rows - (before.rows if before else 0),
            bytes=self.bytes + after.bytes - (before.bytes if before else 0),
            uncompressed_bytes=self.uncompressed_bytes
            + after.uncompressed_bytes
            - (before.uncompressed_bytes if before else 0),
            archives_closed=self.archives_closed + closed,
            archives_recovered=self.archives_recovered + int(bool(closed and after.recovered)),
        )


class Mark(msgspec.Struct, frozen=True):
    """The highest message number of a producer in the archives of a lane, and its newest row's receive time."""

    number: int = 0
    at_ns: int = 0


class JournalLine(msgspec.Struct, frozen=True):
    """One commit, the `n`th. `durable` is each producer's highest durable lane sequence, `marks` go with the latest.

    `lane` is whose journal this is, None where an older version did not write it down.
    """

    n: int = 0
    durable: dict[str, int] = {}
    files: tuple[OpenFile, ...] = ()
    totals: Totals = Totals()
    marks: dict[str, Mark] = {}
    lane: int | None = None
    format_version: int = JOURNAL_FORMAT
    program_version: str = ""


def read_journal(path: Path) -> JournalLine | None:
    """The last good line; None if there is no journal or no good line in it.

    Raises OSError, and ConfigError where a newer version wrote it.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            text = _last_good_text(file, max(0, size - TAIL_BYTES)) or _last_good_text(file, 0)
    except FileNotFoundError:
        return None
    if text is None:
        return None
    refuse_newer(text, known=JOURNAL_FORMAT, what=str(path))
    return msgspec.json.decode(text, type=JournalLine)


def _last_good_text(file: BinaryIO, begin: int) -> bytes | None:
    """The last good line behind a place in the file, which may be in the middle of a line."""
    file.seek(begin)
    return next(filter(None, map(_good_text, reversed(file.read().split(b"\n")))), None)


def decode_line(line: bytes) -> JournalLine | None:
    """A line without its line feed; None if its checksum is wrong."""
    text = _good_text(line)
    return msgspec.json.decode(text, type=JournalLine) if text else None


def _good_text(line: bytes) -> bytes | None:
    crc, _, text = line.partition(b" ")
    return text if text and crc == _checksum(text) else None


class Journal:
    """Appends lines, each durable when `append` returns. Raises OSError, after which it must not be used."""

    def __init__(self, path: Path, descriptor: int, length: int, disk: Disk) -> None:
        self._path = path
        self._descriptor = descriptor
        self._length = length
        self._disk = disk

    @classmethod
    def start(cls, path: Path, line: JournalLine, disk: Disk) -> Self:
        """Replace the journal by one that holds only `line`, and go on from there."""
        data = _encode(line)
        return cls(path, _replace(path, data, disk), len(data), disk)

    def append(self, line: JournalLine) -> None:
        """The commit point. Raises OSError also where the file is no longer the one that recovery would read."""
        self._refuse_if_replaced()
        data = _encode(line)
        if self._length + len(data) > COMPACT_BYTES:
            self._start_over(data)
            return
        self._disk.write(self._descriptor, data)
        self._disk.sync(self._descriptor)
        self._length += len(data)

    def _refuse_if_replaced(self) -> None:
        if not is_same_file(self._path, self._descriptor):
            raise OSError(errno.ENOENT, REMOVED, str(self._path))

    def _start_over(self, data: bytes) -> None:
        fresh = _replace(self._path, data, self._disk)
        os.close(self._descriptor)
        self._descriptor, self._length = fresh, len(data)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)


def latest_producers(durable: dict[str, int]) -> dict[str, int]:
    """The KEPT_PRODUCERS entries at the end of `durable`, which is in the order of their last rows."""
    surplus = len(durable) - KEPT_PRODUCERS
    return durable if surplus <= 0 else dict(list(durable.items())[surplus:])


def latest_marks(marks: dict[str, Mark]) -> dict[str, Mark]:
    """The KEPT_MARKS entries at the end of `marks`, which is in the order of their last rows."""
    return dict(list(marks.items())[-KEPT_MARKS:])


def _replace(path: Path, data: bytes, disk: Disk) -> int:
    write_atomically(path, data, disk=disk)
    descriptor = disk.open(path)
    os.lseek(descriptor, 0, os.SEEK_END)
    return descriptor


def _encode(line: JournalLine) -> bytes:
    text = msgspec.json.encode(msgspec.structs.replace(line, program_version=PROGRAM_VERSION))
    return _checksum(text) + b" " + text + b"\n"


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)


def read_journals(data_root: Path) -> dict[int, JournalLine]:
    """The last good line of every lane below a data root that has one, by lane."""
    paths = sorted((data_root / "journal").glob("lane-*.journal"))
    lines = {int(path.stem.removeprefix("lane-")): read_journal(path) for path in paths}
    return {lane: line for lane, line in lines.items() if line is not None}
