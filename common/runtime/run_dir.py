"""The run's folder in tmpfs: assignment, facts, producers' outboxes and their sockets."""

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from common.errors import ConfigError

MIB = 1024 * 1024
NEEDED_MIB = 16
_SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un, less its closing zero
_LONGEST_SOCKET_NAME = "producers/rest_checkpointer/queue.sock"


def open_run_dir(configured: str, data_root: Path) -> Path:
    """Make the folder, readable by its owner only, and clear what earlier runs said of themselves.

    Outboxes stay: they may hold what a killed run did not get to disk. The default is a folder in tmpfs
    named after user and data root, so that the next run on the same data root finds it again. Raises
    ConfigError where the folder cannot be used.
    """
    path = run_dir_path(configured, data_root)
    if len(os.fsencode(path / _LONGEST_SOCKET_NAME)) > _SOCKET_PATH_LIMIT:
        raise ConfigError(f"paths.run_dir: {path} is too long for socket names; choose a shorter folder")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(path.glob("producers/*")):  # what an earlier run left is drained in any case
            _refuse_too_small(path)
        facts = path.stat()
        if facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077:
            raise ConfigError(f"paths.run_dir: {path} must belong to you alone (mode 0700)")
        shutil.rmtree(path / "facts", ignore_errors=True)
        (path / "facts").mkdir(mode=0o700)
        (path / "producers").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"paths.run_dir: {path} cannot be used ({error.strerror})") from error
    return path


def run_dir_path(configured: str, data_root: Path) -> Path:
    """Where the run's folder is, or would be: the configured one, else the default for this data root."""
    return Path(configured).absolute() if configured else default_run_dir(data_root)


def _refuse_too_small(path: Path) -> None:
    system = os.statvfs(path)
    free_mib = system.f_bavail * system.f_frsize // MIB
    if free_mib < NEEDED_MIB:
        raise ConfigError(
            f"paths.run_dir: the file system of {path} has {free_mib} MiB free, {NEEDED_MIB} are needed at least"
            " (a minute of the Bitcoin markets without a writer); give it more room or choose another folder"
        )


def remove_if_drained(run_dir: Path) -> None:
    """Remove the folder unless a producer's outbox is left in it."""
    if not any((run_dir / "producers").iterdir()):
        shutil.rmtree(run_dir, ignore_errors=True)


def default_run_dir(data_root: Path) -> Path:
    """`orderbooks-<user id>-<hash of the data root>` in /dev/shm, else in the temporary folder."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is private, and checked
    base = shared_memory if os.access(shared_memory, os.W_OK) else Path(tempfile.gettempdir())
    mark = hashlib.sha256(os.fsencode(data_root.resolve())).hexdigest()[:12]
    return base / f"orderbooks-{os.getuid()}-{mark}"
