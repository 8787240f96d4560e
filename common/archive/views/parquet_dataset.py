"""A table as hive partitions `dt=/hour=` of Parquet files that get their names when all of them are whole."""

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.archive.views.parquet_file import ParquetFile
from common.core.instants import NS_PER_SECOND
from common.core.rows.names import hour_folder
from common.core.views.export_columns import COLUMNS, Table
from common.errors import ArchiveError
from common.files import DISK

HOUR_NS = 3600 * NS_PER_SECOND
GROUP_ROWS = 100_000
GROUP_LEVELS = 1_000_000  # a depth row may hold hundreds
SUFFIX = ".parquet"
_UNFINISHED = ".open"
_LATE_NS = (
    60 * NS_PER_SECOND
)  # rows of two legs alternate around the end of an hour for the time that one of them lags


class _OpenHour:
    """A file that is being written, with the row group that it waits for."""

    def __init__(self, hidden: Path, table: Table) -> None:
        self.hidden = hidden
        self._file = ParquetFile(hidden, COLUMNS[table])
        self._group: list[tuple[Any, ...]] = []
        self._levels = 0

    def add(self, row: tuple[Any, ...], levels: int) -> None:
        self._group.append(row)
        self._levels += levels
        if len(self._group) >= GROUP_ROWS or self._levels >= GROUP_LEVELS:
            self._write_group()

    def finish(self) -> int:
        """Write what is in memory and close the file, which still bears its hidden name; its size."""
        self._write_group()
        self._file.close()
        return self.hidden.stat().st_size

    def discard(self) -> None:
        self._file.close()

    def _write_group(self) -> None:
        if self._group:
            self._file.write(self._group)
        self._group, self._levels = [], 0


class Dataset:
    """Takes the rows of one table in order. An hour stays open for the first minute of the one after it.

    A row of an hour that was left for longer (the clock stepped back) goes to another part of that hour. Nothing
    bears its final name before `publish`. OSError passes through.
    """

    def __init__(self, output: Path, table: Table, *, replace: bool) -> None:
        self.rows = 0
        self.bytes = 0
        self._folder, self._table, self._replace = output / table, table, replace
        self._parts: dict[Path, int] = defaultdict(int)
        self._unfinished: list[tuple[Path, Path]] = []  # as it is, as it is to be named
        self._open: dict[int, _OpenHour] = {}  # one or two, the one begun first in front

    def add(self, row: tuple[Any, ...], *, levels: int = 0) -> None:
        """Take a row whose first column is its receive time; `levels` is how many its lists hold.

        Raises ArchiveError where its hour was exported before and is not to be replaced.
        """
        hour_ns = row[0] - row[0] % HOUR_NS
        hour = self._open.get(hour_ns)
        if hour is None:
            hour = self._begin(hour_ns)
        elif len(self._open) > 1 and row[0] > max(self._open) + _LATE_NS:
            self._leave_others(hour_ns)
        hour.add(row, levels)
        self.rows += 1

    def finish(self) -> None:
        """Write what is in memory and close the files; they still bear their hidden names."""
        self._leave_others(-1)

    def _leave_others(self, hour_ns: int) -> None:
        for left_ns in [other_ns for other_ns in self._open if other_ns != hour_ns]:
            self.bytes += self._open.pop(left_ns).finish()

    def publish(self) -> Sequence[Path]:
        """Give every file its name, in place of what its hour held before. The files' paths."""
        for hidden, final in self._unfinished:
            _sync(hidden)
            DISK.rename(hidden, final)
        named = {final for _, final in self._unfinished}
        for folder in self._parts:
            for old in folder.glob(f"*{SUFFIX}"):
                if old not in named:
                    DISK.remove(old)
            DISK.sync_folder(folder)
        return sorted(named)

    def discard(self) -> None:
        """Remove what has no name yet."""
        for hour in self._open.values():
            hour.discard()
        self._open.clear()
        for hidden, _ in self._unfinished:
            DISK.remove(hidden)
        for folder in self._parts:
            _remove_if_empty(folder)

    def _begin(self, hour_ns: int) -> _OpenHour:
        self._leave_others(max(self._open, default=-1))
        folder = self._folder / hour_folder(hour_ns)
        if not self._replace and any(folder.glob(f"*{SUFFIX}")):
            raise ArchiveError(f"{folder}: was exported before; say --replace, or choose another --output")
        folder.mkdir(parents=True, exist_ok=True)
        name = f"part-{self._parts[folder]}{SUFFIX}"
        self._parts[folder] += 1
        hidden = folder / f".{name}{_UNFINISHED}"
        self._unfinished.append((hidden, folder / name))
        hour = self._open[hour_ns] = _OpenHour(hidden, self._table)
        return hour


def _sync(path: Path) -> None:
    descriptor = DISK.open(path)
    try:
        DISK.sync(descriptor)
    finally:
        os.close(descriptor)


def _remove_if_empty(folder: Path) -> None:
    for each in (folder, folder.parent, folder.parent.parent):  # hour, day, table
        try:
            each.rmdir()
        except OSError:
            return
