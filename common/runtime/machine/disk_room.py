"""How much room a file system has."""

import os
from pathlib import Path

from common.core.status.disk_outlook import Room


def room_of(path: Path) -> Room | None:
    """The room where `path` lies, None where that cannot be found out."""
    try:
        system = os.statvfs(path)
    except OSError:
        return None
    free_files = system.f_favail if system.f_files else None
    return Room(system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize, free_files)
