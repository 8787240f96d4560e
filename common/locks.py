"""Exclusive locks that the kernel releases when their holder dies."""

import fcntl
import os
from pathlib import Path

from common.errors import AlreadyRunningError
from common.files import is_same_file

RECORDER_LOCK = ".recorder.lock"  # in the data root, held by the recorder that writes there


class FileLock:
    """An flock on a file, held until `release` or the death of the process."""

    def __init__(self, path: Path, what: str) -> None:
        """Take the lock at once. Raises AlreadyRunningError with `what` it protects, OSError."""
        self._path, self._what, self._note = path, what, b""
        self._descriptor = self._take()

    def _take(self) -> int:
        path, what = self._path, self._what
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise AlreadyRunningError(f"{what} is in use by another process ({path} is locked)") from error
        os.ftruncate(descriptor, 0)  # the note of the holder before, who may be another program
        return descriptor

    def keep(self) -> bool:
        """Whether the file was gone, so that others could lock another one, and is there again, locked.

        Raises AlreadyRunningError where somebody else was faster, OSError.
        """
        if is_same_file(self._path, self._descriptor):
            return False
        before, self._descriptor = self._descriptor, self._take()
        os.close(before)
        self.note(self._note)
        return True

    def note(self, document: bytes) -> None:
        """Say in the file who holds the lock, for anyone who finds it locked. Raises OSError."""
        self._note = document
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, document, 0)

    @property
    def descriptor(self) -> int:
        """For a child that is to hold the lock too, as long as it lives."""
        return self._descriptor

    def release(self) -> None:
        """Let go; the file stays, so that everybody always locks the same one."""
        os.close(self._descriptor)


def is_locked(path: Path) -> bool:
    """Whether a live process holds the lock; False where there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
