"""What of a data root belongs to the remote: closed archives with their sidecars, and ledgers.

Never what is open, hidden, temporary, a symbolic link, or an archive without a sidecar.
"""

import os
import stat
from pathlib import Path

import msgspec

from common.core.rows.names import (
    ARCHIVE_SUFFIX,
    LEDGER_FOLDER,
    LEDGER_SUFFIX,
    RUNTIME_FOLDER,
    SAMPLE_FOLDER,
    sidecar_path,
    window_start_of,
)
from common.core.uploads.turns import Parcel

OLD_NS = 24 * 3600 * 1_000_000_000
SETTLED_NS = 2_000_000_000
RARELY = 60  # looks, of which there is one a minute


class Found(msgspec.Struct, frozen=True):
    """The parcels of a data root, oldest data first, and what is not a parcel although it looks like one.

    `odd` maps a path to what is wrong with it, as a message.
    """

    parcels: list[Parcel]
    odd: dict[str, str]


class _Folder(msgspec.Struct):
    """A folder as it was when it was listed: its own parcels, and the folders in it."""

    changed_ns: int
    parcels: list[Parcel]
    odd: dict[str, str]
    folders: list[str]


class ParcelFinder:
    """Looks through a data root again and again, and reads only the folders that have changed.

    What has not changed for a day is looked at once in RARELY looks only.
    """

    def __init__(self, data_root: Path) -> None:
        self._root = data_root
        self._folders: dict[str, _Folder] = {}
        self._looks = 0

    def look(self, now_ns: int) -> Found:
        """What is here now. Raises OSError where the data root cannot be read."""
        found, kept = Found([], {}), self._folders
        self._folders = {}
        rarely = self._looks % RARELY == 0
        self._looks += 1
        waiting = [RUNTIME_FOLDER, SAMPLE_FOLDER, LEDGER_FOLDER]
        while waiting:
            name = waiting.pop()
            folder = self._folder(name, kept.get(name), now_ns, rarely=rarely)
            if folder is None:
                continue
            self._folders[name] = folder
            found.parcels.extend(folder.parcels)
            found.odd.update(folder.odd)
            waiting += folder.folders
        found.parcels.sort(key=lambda parcel: parcel.age_order)
        return found

    def changed(self, path: str) -> None:
        """A file was removed: its folder is read again at the next look."""
        self._folders.pop(path.rpartition("/")[0], None)

    def _folder(self, name: str, known: _Folder | None, now_ns: int, *, rarely: bool) -> _Folder | None:
        if known is not None and not rarely and now_ns - known.changed_ns > OLD_NS:
            return known
        try:
            changed_ns = (self._root / name).stat().st_mtime_ns
        except FileNotFoundError:
            return None
        # A change right after a listing may bear the time of that listing.
        if known is not None and known.changed_ns == changed_ns and now_ns - changed_ns > SETTLED_NS:
            return known
        return self._listed(name, changed_ns)

    def _listed(self, name: str, changed_ns: int) -> _Folder:
        folder = _Folder(changed_ns, [], {}, [])
        with os.scandir(self._root / name) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folder.folders.append(f"{name}/{entry.name}")
                elif not entry.name.startswith(".") and entry.name.endswith((ARCHIVE_SUFFIX, LEDGER_SUFFIX)):
                    self._note(Path(entry.path), folder)
        return folder

    def _note(self, path: Path, folder: _Folder) -> None:
        name = path.relative_to(self._root).as_posix()
        words = _oddity(path, name)
        if words is None:
            status = path.lstat()
            data_from_ns = window_start_of(path.name) or status.st_mtime_ns
            folder.parcels.append(Parcel(name, status.st_size, status.st_mtime_ns, data_from_ns))
        elif words:
            folder.odd[_shown(name)] = words


def _oddity(path: Path, name: str) -> str | None:
    """Why a file is not a parcel; None for one that is, empty for one that is gone by now."""
    if not name.isprintable() or name != _shown(name):
        return "has a name that not every remote can hold; it is not uploaded"
    try:
        status = path.lstat()
    except FileNotFoundError:
        return ""
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file; it is not uploaded"
    if status.st_nlink != 1:
        return f"has {status.st_nlink} names (hard links), so it may change elsewhere; it is not uploaded"
    if path.name.endswith(ARCHIVE_SUFFIX) and not Path(sidecar_path(str(path))).exists() and path.exists():
        return "has no sidecar, so its expected content is unknown; it is not uploaded"
    return None


def _shown(name: str) -> str:
    return name.encode(errors="replace").decode()


def is_sample(path: str) -> bool:
    """Whether an archive is one of a sample."""
    return path.startswith(SAMPLE_FOLDER)
