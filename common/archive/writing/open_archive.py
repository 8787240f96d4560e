"""One open archive: rows in, gzip members out to its hidden file, and the close that gives it its name."""

import errno
import hashlib
import os
from pathlib import Path

import msgspec

from common.archive.journal import LaneRange, OpenFile
from common.archive.sidecar import RowTally, sidecar_of, write_sidecar
from common.archive.writing.members import MemberStream
from common.core.rows.facts import RowFacts
from common.core.rows.names import numbered_part, open_path, sidecar_path
from common.core.rows.websocket import Rows
from common.core.uploads.record import record_path
from common.errors import ArchiveError
from common.files import REMOVED, Disk, is_same_file

_WRITE_BYTES = 1 << 20  # compressed bytes that wait for a commit in memory at most


class ArchiveFacts(msgspec.Struct, frozen=True):
    """An archive as the run manifest shows it; `closed_at_ns` is 0 while it is open."""

    name: str
    stream: str
    rows: int
    bytes: int
    opened_at_ns: int
    closed_at_ns: int = 0


class OpenArchive:
    """Written by one store; nothing of it counts before the journal has the state that `sync` gives."""

    def __init__(
        self, data_root: Path, path: str, stream: str, *, gzip_level: int, now_ns: int, disk: Disk
    ) -> None:
        """Create the hidden file at once. Raises OSError, FileExistsError among them."""
        self.committed: OpenFile | None = None
        self.dirty = False
        self.tally = RowTally()
        self.file = data_root / open_path(path)
        self._path, self._stream, self._opened_at_ns, self._disk = path, stream, now_ns, disk
        self._members = MemberStream(gzip_level)
        self._sha256 = hashlib.sha256()
        self._bytes = 0
        self._ranges: dict[str, list[int]] = {}
        disk.make_folder(self.file.parent)
        self._descriptor = disk.create(self.file)

    def append(self, producer: str, lane_sequence: int, rows: Rows, facts: RowFacts) -> None:
        """Take rows whose lane sequences count up. Raises OSError when a full buffer cannot be written."""
        self.dirty = True
        self.tally.add(producer, facts)
        last = lane_sequence + facts.rows - 1
        known = self._ranges.get(producer)
        if known is None:
            self._ranges[producer] = [lane_sequence, last, facts.rows]
        else:
            known[1] = last
            known[2] += facts.rows
        self._members.add(rows)
        if self._members.ready_bytes >= _WRITE_BYTES:
            self._write()

    def sync(self, *, closing: bool) -> OpenFile:
        """Make every row so far durable and, to close it, complete the last member. Gives the new state.

        What is durable leaves the kernel's memory: nobody reads it soon, and memory that is used again costs
        a writer of many tokens a fraction of what memory does that is always new.
        """
        if closing:
            self._members.end()
        else:
            self._members.flush()
        self._write()
        if not is_same_file(self.file, self._descriptor):
            raise OSError(errno.ENOENT, REMOVED, str(self.file))
        self._disk.sync(self._descriptor)
        self._disk.let_go(self._descriptor, self._bytes)
        self.dirty = False
        return self.state(closing=closing)

    def state(self, *, closing: bool = False) -> OpenFile:
        """The state for the journal; true to the disk right after `sync`."""
        return OpenFile(
            path=self._path,
            stream=self._stream,
            opened_at_ns=self._opened_at_ns,
            bytes=self._bytes,
            rows=self.tally.rows,
            uncompressed_bytes=self._members.uncompressed_bytes,
            member_crc=self._members.crc,
            member_size=self._members.size,
            producers={name: LaneRange(*numbers) for name, numbers in self._ranges.items()},
            closing=closing,
        )

    @property
    def sha256(self) -> str:
        """Hex digest of the file's bytes up to the last `sync`."""
        return self._sha256.hexdigest()

    def facts(self) -> ArchiveFacts:
        """The archive as it stands, rows that are not durable yet included."""
        name = self._path.rpartition("/")[2]
        return ArchiveFacts(name, self._stream, self.tally.rows, self._bytes, self._opened_at_ns)

    def release(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)

    def _write(self) -> None:
        data = self._members.take()
        if not data:
            return
        self._disk.write(self._descriptor, data)
        self._sha256.update(data)
        self._bytes += len(data)


def free_path(data_root: Path, path: str) -> str:
    """`path`, or the first numbered part of it whose names are all free: also of one that left for the remote."""
    candidate, part = path, 1
    while any((data_root / name(candidate)).exists() for name in (str, open_path, sidecar_path, record_path)):
        part += 1
        candidate = numbered_part(path, part)
    return candidate


def finish_close(
    data_root: Path,
    lane: int,
    file: OpenFile,
    *,
    sha256: str,
    tally: RowTally,
    disk: Disk,
    clock_offset_seconds: float | None = None,
) -> None:
    """Sidecar, then the name, each durable; may be repeated. Raises ArchiveError rather than overwrite."""
    target = data_root / file.path
    write_sidecar(data_root, file.path, sidecar_of(file, lane, sha256, tally, clock_offset_seconds), disk)
    if target.exists():
        raise ArchiveError(f"{target}: exists already and is never overwritten; move one of the two away")
    disk.share(data_root / open_path(file.path))
    disk.rename(data_root / open_path(file.path), target)
    disk.sync_folder(target.parent)
