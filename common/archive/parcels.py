"""What of a data root belongs to the remote: closed archives with their sidecars, and ledgers.

Never what is open, hidden, temporary, a symbolic link, or an archive without a sidecar.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from common.core.archive_names import (
    ARCHIVE_SUFFIX,
    LEDGER_FOLDER,
    LEDGER_SUFFIX,
    RUNTIME_FOLDER,
    SAMPLE_FOLDER,
    sidecar_path,
    window_start_of,
)
from common.core.upload_turns import Parcel


class Found(msgspec.Struct, frozen=True):
    """The parcels of a data root, oldest data first, and what is no parcel although it looks like one.

    `odd` maps a path to what is wrong with it, in words.
    """

    parcels: list[Parcel]
    odd: dict[str, str]


def find_parcels(data_root: Path) -> Found:
    """Look through the data root. Raises OSError where it cannot be read."""
    found = Found([], {})
    for folder in (RUNTIME_FOLDER, SAMPLE_FOLDER, LEDGER_FOLDER):
        for path in _files(data_root / folder):
            name = path.relative_to(data_root).as_posix()
            words = _oddity(path, name)
            if words is None:
                status = path.lstat()
                data_from_ns = window_start_of(path.name) or status.st_mtime_ns
                found.parcels.append(Parcel(name, status.st_size, status.st_mtime_ns, data_from_ns))
            elif words:
                found.odd[_shown(name)] = words
    found.parcels.sort(key=lambda parcel: parcel.age_order)
    return found


def _files(top: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(top):
        for name in names:
            if not name.startswith(".") and name.endswith((ARCHIVE_SUFFIX, LEDGER_SUFFIX)):
                yield Path(folder, name)


def _oddity(path: Path, name: str) -> str | None:
    """Why a file is no parcel; None for one that is, empty for one that is gone by now."""
    if not name.isprintable() or name != _shown(name):
        return "has a name that not every remote can hold; it is not uploaded"
    try:
        status = path.lstat()
    except FileNotFoundError:
        return ""
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file; it is not uploaded"
    if status.st_nlink != 1:
        return f"has {status.st_nlink} names (hard links), so it may change elsewhere; it is not uploaded"
    if path.name.endswith(ARCHIVE_SUFFIX) and not Path(sidecar_path(str(path))).exists() and path.exists():
        return "has no sidecar, so nothing tells what it should hold; it is not uploaded"
    return None


def _shown(name: str) -> str:
    return name.encode(errors="replace").decode()


def is_sample(path: str) -> bool:
    """Whether an archive is one of a sample."""
    return path.startswith(SAMPLE_FOLDER)
