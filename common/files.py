"""Files that survive a crash: every step that reaches the disk goes through `Disk`, one method each.

`write_atomically` is the one way to replace a small file of the data root, `replace` that for one of a run's folder.
OSError passes through: the caller knows what the file means and translates it.
"""

import errno
import hashlib
import mmap
import os
import stat
from contextlib import suppress
from pathlib import Path

CANNOT_SYNC_FOLDERS = "its file system cannot make names durable; choose a data root on another one"
REMOVED = "was removed or replaced while it was written"
PRIVATE = 0o600  # readable by its owner only
GROUP_READS_FILE, GROUP_READS_FOLDER = 0o040, 0o050


class Disk:
    """The steps that change a disk. A caller that must see each of them, or fail one, passes its own.

    `group_reads`: the owner's group may read what is complete, and enter the folders made for it.
    """

    group_reads = False

    def create(self, path: Path) -> int:
        """Descriptor of a new, private file, for reading and writing. FileExistsError if there is one."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)

    def open(self, path: Path) -> int:
        """Descriptor of an existing file, for reading and writing; a symbolic link is refused."""
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of `data` at the descriptor's position."""
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def truncate(self, descriptor: int, length: int) -> None:
        """Cut the file to `length` bytes and go to its end."""
        os.ftruncate(descriptor, length)
        os.lseek(descriptor, 0, os.SEEK_END)

    def sync(self, descriptor: int) -> None:
        """Make the file's bytes and length durable (fdatasync). After a failure they must not be trusted."""
        os.fdatasync(descriptor)

    def let_go(self, descriptor: int, length: int) -> None:
        """Give back the memory in which the kernel keeps the first `length` bytes, which are durable.

        The last page stays if it is not full: the next bytes go there. This is advice: where it is not taken, nothing
        is lost.
        """
        whole_pages = length // mmap.PAGESIZE * mmap.PAGESIZE
        if whole_pages:  # 0 would stand for all of the file
            with suppress(OSError):
                os.posix_fadvise(descriptor, 0, whole_pages, os.POSIX_FADV_DONTNEED)

    def rename(self, source: Path, target: Path) -> None:
        """Give the file its new name, in place of what bore it."""
        source.rename(target)

    def remove(self, path: Path) -> None:
        """Remove a file; one that is gone already is not an error."""
        path.unlink(missing_ok=True)

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, each durable in the one above it."""
        if folder.is_dir():
            return
        self.make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        self.let_group_in(folder)
        self.sync_folder(folder.parent)

    def share(self, file: Path | int) -> None:
        """Let the group read a file that is complete, given by path or descriptor, where the settings say so."""
        if self.group_reads:
            os.chmod(file, PRIVATE | GROUP_READS_FILE)  # noqa: PTH101 - a descriptor has no method for it

    def let_group_in(self, folder: Path) -> None:
        """Let the group list and enter a folder, where the settings say so. One of another owner stays as it is.

        A folder that is open already is not touched: a service may be forbidden to set the bit that hands its group on.
        """
        if self.group_reads and (mode := stat.S_IMODE(folder.stat().st_mode)) | GROUP_READS_FOLDER != mode:
            with suppress(PermissionError):
                folder.chmod(mode | GROUP_READS_FOLDER)

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder durable."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENOTSUP}:
                raise OSError(error.errno, CANNOT_SYNC_FOLDERS, str(folder)) from error
            raise
        finally:
            os.close(descriptor)


DISK = Disk()


def version_of(path: Path) -> tuple[int, int] | None:
    """Inode and time of change: another pair where the file was replaced, whose inode alone may be used again."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def inode_of(path: Path) -> int:
    """The number of the file or folder that a path leads to now, 0 where there is none."""
    try:
        return path.stat(follow_symlinks=False).st_ino
    except OSError:
        return 0


def is_same_file(path: Path, descriptor: int) -> bool:
    """Whether the path still leads to the open file: what is written to one that was removed is lost."""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except OSError:
        return False


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes, *, disk: Disk = DISK) -> None:
    """Replace `path` with `data`: a reader sees the old file or the new one, whole, and so does a crash.

    The folder is made if it is missing. The owner alone may read it, with `group_reads` the group too. Raises OSError.
    """
    disk.make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    disk.remove(temporary)
    descriptor = disk.create(temporary)
    try:
        disk.write(descriptor, data)
        disk.share(descriptor)
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
    disk.rename(temporary, path)
    disk.sync_folder(path.parent)


def replace(path: Path, data: bytes) -> None:
    """Replace `path` with `data`: a reader sees the old file or the new one, whole; a power cut may leave neither.

    For files in tmpfs, which no power cut outlives. Where there is no room the old file stays. Raises OSError.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
        try:
            DISK.write(descriptor, data)
        finally:
            os.close(descriptor)
        partial.rename(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)  # a part of it would take room that others need
        raise
