"""Counters that outlive their process: a few integers in a memory-mapped file in tmpfs."""

import mmap
import os
import struct
from pathlib import Path

from common.files import inode_of

_VALUE = struct.Struct("<Q")


class NumberFile:
    """A fixed row of unsigned 64-bit numbers; each assignment is in the page cache when it returns.

    It survives the death of its process, not a power cut. A new file holds zeros.
    """

    def __init__(self, path: Path, count: int) -> None:
        """Raises OSError, also where there is no room: a page that is missing later would end the process."""
        self._path, self._size = path, count * _VALUE.size
        self._map, self._inode = self._open()
        self._values: list[int] = [
            value for (value,) in _VALUE.iter_unpack(self._map)
        ]  # nobody else writes it

    def _open(self) -> tuple[mmap.mmap, int]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, self._size)
            os.posix_fallocate(descriptor, 0, self._size)
            return mmap.mmap(descriptor, self._size), os.fstat(descriptor).st_ino
        finally:
            os.close(descriptor)

    def keep(self) -> bool:
        """Whether the file was gone, and is there again. Raises OSError."""
        if inode_of(self._path) == self._inode:
            return False
        self._path.unlink(missing_ok=True)
        before, (self._map, self._inode) = self._map, self._open()
        before.close()
        self.set_first(*self._values)
        return True

    def __getitem__(self, index: int) -> int:
        return self._values[index]

    def __setitem__(self, index: int, value: int) -> None:
        self._values[index] = value
        _VALUE.pack_into(self._map, index * _VALUE.size, value)

    def set_first(self, *values: int) -> None:
        """Assign the first numbers of the row, in order."""
        self._values[: len(values)] = values
        struct.pack_into(f"<{len(values)}Q", self._map, 0, *values)

    def close(self) -> None:
        """Unmap; the file stays."""
        self._map.close()
