"""The files that hold the envelopes of a lane."""

import os
from pathlib import Path

from common.files import DISK, is_same_file

COPY_BYTES = 1024 * 1024


class LaneFullError(Exception):
    """The file system under the spool has no room left; the envelope was not kept."""


class Segment:
    """One append-only file of whole batches."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self.descriptor).st_size

    def append(self, data: bytes) -> int:
        """Append and return the offset of the data. Raises LaneFullError, leaving the file as it was."""
        offset = self.size
        try:
            written = os.write(self.descriptor, data)
        except OSError as error:
            raise LaneFullError(str(error)) from error
        if written < len(data):
            os.ftruncate(self.descriptor, offset)
            raise LaneFullError(f"only {written} of {len(data)} bytes fitted")
        self.size += written
        return offset

    def keep(self) -> bool:
        """Whether the file was gone, and is there again with all that it held. Raises OSError."""
        if is_same_file(self.path, self.descriptor):
            return False
        self.path.unlink(missing_ok=True)
        descriptor = os.open(
            self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        try:
            for offset in range(0, self.size, COPY_BYTES):
                DISK.write(descriptor, self.read(offset, min(COPY_BYTES, self.size - offset)))
        except OSError:
            os.close(descriptor)
            self.path.unlink(missing_ok=True)
            raise
        os.close(self.descriptor)
        self.descriptor = descriptor
        return True

    def read(self, offset: int, length: int) -> bytes:
        """The bytes at an offset."""
        return os.pread(self.descriptor, length, offset)

    def remove(self) -> None:
        """Delete the file."""
        os.close(self.descriptor)
        self.path.unlink(missing_ok=True)
