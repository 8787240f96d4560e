"""The room that a file system has left: a spool must not take all of it."""

import os
import time
from pathlib import Path

from common.files import is_same_file

RESERVE_BYTES = 8 * 1024 * 1024  # left to the small files that every process keeps there: they must not fail
LOOK_AGAIN_BYTES = 256 * 1024  # taken since the system was last asked; other producers take some meanwhile


class Room:
    """Asks the file system under a folder, though not for every message."""

    def __init__(self, folder: Path) -> None:
        self._path = folder
        self._folder = self._open()  # held, because it can be removed meanwhile
        self._free_bytes = 0
        self._taken_bytes = 0

    def _open(self) -> int:
        return os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def keep(self) -> bool:
        """Whether the folder was removed, and is there again. Raises OSError.

        What else stands at its place is moved beside `producers`.
        """
        if is_same_file(self._path, self._folder):
            return False
        if self._path.exists():
            aside = f"set-aside-{self._path.name}-{time.time_ns()}"
            self._path.rename(self._path.parent.parent / aside)
        self._path.mkdir(mode=0o700, parents=True)
        before, self._folder = self._folder, self._open()
        os.close(before)
        return True

    def take(self, size: int, *, of_reserve: int = 0) -> bool:
        """Whether so many bytes may be appended; `of_reserve` of the reserve may be used up for them."""
        if self._taken_bytes >= LOOK_AGAIN_BYTES or self._free_bytes < 2 * RESERVE_BYTES:
            self.free_bytes()
        if self._free_bytes - self._taken_bytes - size < RESERVE_BYTES - of_reserve:
            return False
        self._taken_bytes += size
        return True

    def free_bytes(self) -> int:
        """What is left, asked now."""
        facts = os.fstatvfs(self._folder)
        self._free_bytes, self._taken_bytes = facts.f_bavail * facts.f_frsize, 0
        return self._free_bytes

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._folder)
