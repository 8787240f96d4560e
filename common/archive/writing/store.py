"""The store of one lane: rows become durable at `commit`, and archives closed, exactly once across crashes.

One process holds a lane. The journal's line is the only commit point; after any I/O error the store refuses
further work, because a failed fsync must not be tried again: the next life recovers.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from common.archive.journal import (
    Journal,
    JournalLine,
    Mark,
    OpenFile,
    Totals,
    latest_marks,
    latest_producers,
)
from common.archive.writing.open_archive import ArchiveFacts, OpenArchive, finish_close
from common.archive.writing.placement import Placement
from common.archive.writing.recover import Recovery, recover_lane
from common.core.rows.facts import RowFacts
from common.core.rows.names import Layout
from common.core.rows.websocket import Rows
from common.errors import ArchiveError
from common.files import CANNOT_SYNC_FOLDERS, DISK, REMOVED, Disk
from common.locks import FileLock

_RECENT_ARCHIVES = 20


class LaneStore:
    """Open it with `LaneStore.open`. Errors: ArchiveError, after which only `close` is of use.

    `durable` maps each producer to its highest durable lane sequence, `totals` counts what is durable since
    the lane's journal began, `findings` tell what recovery found that no crash of ours explains. `clock_offset`
    is asked once for each archive that closes: it gives the sidecar's `clock_offset_seconds`.
    """

    def __init__(self, data_root: Path, lane: int, *, layout: Layout, gzip_level: int, disk: Disk) -> None:
        self.durable: Mapping[str, int] = {}
        self.totals = Totals()
        self.findings: tuple[str, ...] = ()
        self.clock_offset: Callable[[], float | None] = lambda: None
        self._root, self._lane, self._disk = data_root, lane, disk
        self._archives = Placement(data_root, lane, layout=layout, gzip_level=gzip_level, disk=disk)
        self._lock: FileLock | None = None
        self._journal: Journal | None = None
        self._n = 0
        self._broken = ""
        self._appended: dict[str, int] = {}
        self._marks: dict[str, Mark] = {}
        self._closed: deque[ArchiveFacts] = deque(maxlen=_RECENT_ARCHIVES)

    @classmethod
    def open(cls, data_root: Path, lane: int, *, layout: Layout, gzip_level: int, disk: Disk = DISK) -> Self:
        """Take the lane, and recover what a crash left of it.

        Raises AlreadyRunningError naming the lock when another process holds the lane, ArchiveError when the
        disk does not let us recover.
        """
        store = cls(data_root, lane, layout=layout, gzip_level=gzip_level, disk=disk)
        try:
            with store._translating(f"{data_root} cannot be opened"):
                folder = data_root / "journal"
                disk.make_folder(folder)
                store._lock = FileLock(folder / f"lane-{lane}.lock", f"lane {lane} of {data_root}")
                journal_path = folder / f"lane-{lane}.journal"
                store._journal, recovery = recover_lane(data_root, lane, journal_path, disk)
                store._begin_from(recovery)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def open_archives(self) -> list[ArchiveFacts]:
        """The archives being written, those about to close included."""
        return [archive.facts() for archive in (*self._archives.taking_rows, *self._archives.closing)]

    @property
    def closed_archives(self) -> list[ArchiveFacts]:
        """The archives that this store closed last, recovered ones included, oldest first."""
        return list(self._closed)

    def append(self, stream: str, producer: str, lane_sequence: int, row: bytes, facts: RowFacts) -> None:
        """Take a row, which ends in a line feed; it is durable after the next `commit`. See `append_rows`."""
        self.append_rows(stream, producer, lane_sequence, Rows(b"", [row]), facts)

    def append_rows(
        self, stream: str, producer: str, lane_sequence: int, rows: Rows, facts: RowFacts
    ) -> None:
        """Take rows received together, the first of which has this lane sequence.

        Raises ArchiveError unless that follows the producer's last one.
        """
        assert len(rows.rests) == facts.rows
        assert rows.rests[-1].endswith(b"\n")
        expected = self._appended.get(producer, 0) + 1
        if self._broken or lane_sequence != expected:
            raise ArchiveError(
                self._broken
                or f"lane {self._lane}: {producer} sent lane sequence {lane_sequence}, expected {expected}"
            )
        try:
            archive = self._archives.archive_for(stream, producer, lane_sequence, facts.received_at_ns)
            archive.append(producer, lane_sequence, rows, facts)
        except OSError as error:
            raise self._break("a row cannot be written", error) from error
        self._appended[producer] = lane_sequence + facts.rows - 1
        number = facts.global_message_sequence or facts.message_sequence
        before = self._marks.pop(producer, Mark())
        newest = number + facts.rows - 1 if number else before.number
        self._marks[producer] = Mark(newest, facts.received_at_ns)

    def skip(self, producer: str, through: int) -> None:
        """The producer no longer holds its rows up to and including this lane sequence, and declares it in a gap row.

        Its next row opens another archive, so that the lane sequences of each archive are dense.
        """
        self._archives.close_all()
        self._appended[producer] = through

    def mark(self, producer: str) -> Mark:
        """The producer's highest message number in the archives of this lane, and when its newest row was received."""
        return self._marks.get(producer, Mark())

    def close_windows_before(self, producer: str, received_at_ns: int) -> None:
        """The producer has come to this receive time: its earlier windows close at the next commit."""
        self._archives.close_windows_before(producer, received_at_ns)

    def rotate(self) -> None:
        """Every archive closes at the next commit; the rows after it begin new ones."""
        self._archives.close_all()

    def commit(self) -> Mapping[str, int]:
        """Make every row durable and close what is to be closed; gives `durable`. Idle, it does no I/O."""
        if self._broken:
            raise ArchiveError(self._broken)
        if self._archives.closing or any(archive.dirty for archive in self._archives.taking_rows):
            with self._translating("a commit failed"):
                self._commit()
        return self.durable

    def close_all(self) -> None:
        """Commit, and close every archive."""
        self._archives.close_all()
        self.commit()

    def close(self) -> None:
        """Release lock and descriptors; open archives stay as a crash would leave them."""
        self._archives.release()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        self._broken = self._broken or f"lane {self._lane} is closed"

    def _begin_from(self, recovery: Recovery) -> None:
        line = recovery.line
        self._n, self.totals, self.findings = line.n, line.totals, recovery.findings
        self._appended = dict(line.durable)
        self.durable = dict(line.durable)
        self._marks = dict(line.marks)
        self._closed.extend(_closed_facts(file) for file in recovery.closed)

    def _commit(self) -> None:
        assert self._journal is not None
        closing = [(archive, archive.sync(closing=True)) for archive in self._archives.closing]
        open_ones = self._archives.taking_rows
        changed = closing + [(each, each.sync(closing=False)) for each in open_ones if each.dirty]
        for folder in {archive.file.parent for archive, _ in changed if archive.committed is None}:
            self._disk.sync_folder(folder)
        for archive, file in changed:
            self.totals = self.totals.plus(archive.committed, file)
            archive.committed = file
        files = (each.committed for each in (*open_ones, *self._archives.closing))
        durable = self._latest_durable()
        self._n += 1
        self._marks = latest_marks(self._marks)
        line = JournalLine(
            self._n, durable, tuple(filter(None, files)), self.totals, dict(self._marks), self._lane
        )
        self._journal.append(line)
        self.durable = durable
        for archive, file in closing:
            self._finish(archive, file)

    def _latest_durable(self) -> dict[str, int]:
        """What is durable with this commit, producers with new rows last."""
        advanced = {name: n for name, n in self._appended.items() if self.durable.get(name) != n}
        resting = {name: n for name, n in self._appended.items() if name not in advanced}
        return latest_producers(resting | advanced)

    def _finish(self, archive: OpenArchive, file: OpenFile) -> None:
        finish_close(
            self._root,
            self._lane,
            file,
            sha256=archive.sha256,
            tally=archive.tally,
            disk=self._disk,
            clock_offset_seconds=self.clock_offset(),
        )
        self._closed.append(_closed_facts(file))
        self._archives.done(archive)

    @contextmanager
    def _translating(self, words: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.strerror == REMOVED:
                self._remove_uncommitted()
            raise self._break(words, error) from error
        except ArchiveError as error:
            self._broken = str(error)
            raise

    def _remove_uncommitted(self) -> None:
        """The data root is another one by now, whose journal knows nothing of what was begun in it."""
        for archive in (*self._archives.taking_rows, *self._archives.closing):
            if archive.committed is None:
                with suppress(OSError):
                    self._disk.remove(archive.file)

    def _break(self, words: str, error: OSError) -> ArchiveError:
        place = f" ({error.filename})" if error.filename else ""
        advice = "" if error.strerror == CANNOT_SYNC_FOLDERS else "; restart to recover"
        self._broken = f"lane {self._lane}: {words}: {error.strerror}{place}{advice}"
        return ArchiveError(self._broken)


def _closed_facts(file: OpenFile) -> ArchiveFacts:
    name = file.path.rpartition("/")[2]
    return ArchiveFacts(name, file.stream, file.rows, file.bytes, file.opened_at_ns, time.time_ns())
