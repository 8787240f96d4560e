"""Disks that end a life at a chosen step: a killed process, an error of the device, a loss of power.

Their `sync` costs nothing: what a kill leaves does not depend on it, and a loss of power is acted out by
undoing what was not yet synced.
"""

import errno
import os
from pathlib import Path
from typing import Literal

from common.files import Disk

Fate = Literal["killed before", "killed halfway", "device error", "disk full"]


class Died(BaseException):
    """The process is no more."""


class DyingDisk(Disk):
    """Ends at its `last_step`th step; behind it every step fails alike. 0: never."""

    def __init__(self, last_step: int = 0, fate: Fate = "killed before") -> None:
        self.steps = 0
        self._last_step = last_step
        self._fate = fate

    @property
    def ended(self) -> bool:
        return 0 < self._last_step <= self.steps

    def _step(self) -> None:
        self.steps += 1
        if not self.ended:
            return
        if self._fate == "device error":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self._fate == "disk full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise Died

    def create(self, path: Path) -> int:
        self._step()
        return super().create(path)

    def write(self, descriptor: int, data: bytes) -> None:
        if self._fate != "killed before" and self.steps + 1 == self._last_step:
            super().write(descriptor, data[: len(data) // 2])
        self._step()
        super().write(descriptor, data)

    def truncate(self, descriptor: int, length: int) -> None:
        self._step()
        super().truncate(descriptor, length)

    def sync(self, descriptor: int) -> None:  # noqa: ARG002
        self._step()

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def sync_folder(self, folder: Path) -> None:  # noqa: ARG002
        self._step()


class PowerLossDisk(DyingDisk):
    """Knows what a loss of power may undo: names whose folder, and bytes whose file, were not synced."""

    def __init__(self, last_step: int = 0) -> None:
        super().__init__(last_step)
        self._synced_bytes: dict[int, int] = {}
        self._changed_names: list[tuple[Path, Path | None, Path | None, bytes | None]] = []

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self._synced_bytes[os.fstat(descriptor).st_ino] = 0
        self._changed_names.append((path.parent, None, path, None))
        return descriptor

    def open(self, path: Path) -> int:
        descriptor = super().open(path)
        status = os.fstat(descriptor)
        self._synced_bytes.setdefault(status.st_ino, status.st_size)
        return descriptor

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        status = os.fstat(descriptor)
        self._synced_bytes[status.st_ino] = status.st_size

    def rename(self, source: Path, target: Path) -> None:
        before = target.read_bytes() if target.exists() else None
        super().rename(source, target)
        self._changed_names.append((source.parent, source, target, before))

    def remove(self, path: Path) -> None:
        before = path.read_bytes() if path.exists() else None
        super().remove(path)
        if before is not None:
            self._changed_names.append((path.parent, path, None, before))

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        self._changed_names = [change for change in self._changed_names if change[0] != folder]

    def lose_power(self, root: Path, *, names: bool, zeros: bool) -> None:
        """Undo what was not synced: bytes are gone or read as zeros, and `names` are as they were."""
        for path in (path for path in root.rglob("*") if path.is_file()):
            status = path.stat()
            synced = self._synced_bytes.get(status.st_ino, status.st_size)
            if synced < status.st_size:
                os.truncate(path, synced)
                if zeros:
                    os.truncate(path, status.st_size)
        for _, source, target, before in reversed(self._changed_names if names else []):
            if source is not None and target is not None:
                target.rename(source)
            elif target is not None:
                target.unlink()
            if before is not None:
                (target or source or root).write_bytes(before)
