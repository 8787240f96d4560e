"""A parcel held against what it should be before it is uploaded, and once more before it is deleted."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from common.archive.sidecar import Sidecar
from common.core.rows.names import ARCHIVE_SUFFIX, sidecar_path
from common.errors import ArchiveError
from common.files import DISK, Disk

_STEP = 1 << 20


class SealedFile(msgspec.Struct, frozen=True):
    """One file as it was read: `identity` is device, inode, size, modification and change time."""

    path: str
    bytes: int
    sha256: str
    md5: str
    identity: tuple[int, ...]


class Sealed(msgspec.Struct, frozen=True):
    """A parcel that is what its sidecar says. `files` are the archive and its sidecar, or a ledger alone."""

    files: tuple[SealedFile, ...]
    sidecar: dict[str, Any] | None

    @property
    def path(self) -> str:
        """The archive's or the ledger's, below the data root."""
        return self.files[0].path


def seal(data_root: Path, path: str) -> Sealed:
    """Read a parcel and compare it with its sidecar.

    Raises ArchiveError, with the reason, where it is not what it should be, FileNotFoundError where it is gone.
    """
    if not path.endswith(ARCHIVE_SUFFIX):
        return Sealed((_read(data_root, path)[0],), None)
    beside, text = _read(data_root, sidecar_path(path), keep=True)
    try:
        sidecar = msgspec.json.decode(text, type=Sidecar)
        document: dict[str, Any] = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArchiveError(f"{path}: its sidecar cannot be read ({error})") from error
    archive = _read(data_root, path)[0]
    if sidecar.archive != path.rpartition("/")[2]:
        raise ArchiveError(f"{path}: its sidecar is about {sidecar.archive}")
    if (archive.sha256, archive.bytes) != (sidecar.sha256, sidecar.bytes):
        raise ArchiveError(
            f"{path}: was altered after it was closed: it has {archive.bytes} bytes and sha256"
            f" {archive.sha256[:16]}..., its sidecar says {sidecar.bytes} bytes and {sidecar.sha256[:16]}..."
        )
    return Sealed((archive, beside), document)


def begins_with(data_root: Path, path: str, size: int, sha256: str) -> bool:
    """Whether the first `size` bytes of a file have this sha256, and are not all of it. Raises ArchiveError."""
    digest, left = hashlib.sha256(), size
    with _opened(data_root, path) as descriptor:
        if size >= os.fstat(descriptor).st_size:
            return False
        while left and (data := os.read(descriptor, min(left, _STEP))):
            digest.update(data)
            left -= len(data)
    return digest.hexdigest() == sha256


def remove(data_root: Path, sealed: Sealed, disk: Disk = DISK) -> None:
    """Delete a parcel's files if they are still those that were sealed; the sidecar goes last.

    Raises ArchiveError if one of them is another by now, OSError.
    """
    for file in sealed.files:
        with _opened(data_root, file.path) as descriptor:
            same = _identity(os.fstat(descriptor)) == file.identity
        if not same or _identity((data_root / file.path).lstat()) != file.identity:
            raise ArchiveError(f"{file.path}: was changed after it was proved; it is not deleted")
    for file in sealed.files:
        disk.remove(data_root / file.path)
    disk.sync_folder((data_root / sealed.path).parent)


def remove_sidecar_left(data_root: Path, path: str, sha256: str, disk: Disk = DISK) -> None:
    """Finish a removal that a crash cut in two: the archive is gone, its sidecar perhaps not. Raises OSError."""
    beside = sidecar_path(path)
    try:
        if _read(data_root, beside)[0].sha256 == sha256:
            disk.remove(data_root / beside)
    except (FileNotFoundError, ArchiveError):
        pass  # there is none, or it is not the one that was proved
    folder = (data_root / path).parent
    if folder.is_dir():
        disk.sync_folder(folder)


def _read(data_root: Path, path: str, *, keep: bool = False) -> tuple[SealedFile, bytes]:
    sha256, md5, kept = hashlib.sha256(), hashlib.md5(usedforsecurity=False), bytearray()
    with _opened(data_root, path) as descriptor:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode) or before.st_nlink != 1:
            raise ArchiveError(f"{path}: is not a regular file with one name; it is not uploaded")
        while data := os.read(descriptor, _STEP):
            sha256.update(data)
            md5.update(data)
            kept += data if keep else b""
        identity = _identity(before)
        if _identity(os.fstat(descriptor)) != identity:
            raise ArchiveError(f"{path}: changed while it was read")
    file = SealedFile(path, before.st_size, sha256.hexdigest(), md5.hexdigest(), identity)
    return file, bytes(kept)


@contextmanager
def _opened(data_root: Path, path: str) -> Iterator[int]:
    try:
        descriptor = os.open(data_root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
