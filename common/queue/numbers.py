"""Counters that outlive their process: a few integers in a memory-mapped file in tmpfs."""

import mmap
import os
import struct
from pathlib import Path

_VALUE = struct.Struct("<Q")


class NumberFile:
    """A fixed row of unsigned 64-bit numbers; each assignment is in the page cache when it returns.

    It survives the death of its process, not a power cut. A new file holds zeros.
    """

    def __init__(self, path: Path, count: int) -> None:
        size = count * _VALUE.size
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, size)
            self._map = mmap.mmap(descriptor, size)
            self._values: list[int] = [
                value for (value,) in _VALUE.iter_unpack(self._map)
            ]  # nobody else writes it
        finally:
            os.close(descriptor)

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
