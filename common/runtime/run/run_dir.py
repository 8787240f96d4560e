"""The run's folder in tmpfs: assignment, facts, producers' outboxes and their sockets."""

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

import msgspec

from common.core.market import Exchange
from common.errors import ConfigError
from common.locks import FileLock
from common.queue.outbox_files import identities_in

ASSIGNMENT = "assignment.json"
STATUS_FILE = "status.json"  # the run manifest where the data root takes none
FOLDERS = ("", "facts", "producers")
MIB = 1024 * 1024
NEEDED_MIB = 16
_SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un, less its closing zero
_LONGEST_SOCKET_NAME = "producers/rest_checkpointer/queue.sock"


class _Assigned(msgspec.Struct):
    data_root: str


class RunDir:
    """The folder, readable by its owner only, held for one run: no other recorder gets it meanwhile.

    What earlier runs said of themselves is cleared. Outboxes stay: they may hold what a killed run did not
    get to disk. The default is a folder in tmpfs named after user and data root, so that the next run on the
    same data root finds it again.
    """

    def __init__(self, configured: str, data_root: Path, data_root_id: str = "") -> None:
        """Make and take it for the data root with this id, empty for one that has none yet.

        Raises ConfigError where it cannot be used or holds what belongs to another data root, AlreadyRunningError
        if it is in use.
        """
        self.path = path = run_dir_path(configured, data_root)
        if len(os.fsencode(path / _LONGEST_SOCKET_NAME)) > _SOCKET_PATH_LIMIT:
            raise ConfigError(f"paths.run_dir: {path} is too long for socket names; choose a shorter folder")
        try:
            self._lock = _make_and_lock(path, data_root, data_root_id)
            shutil.rmtree(path / "facts", ignore_errors=True)
            for name in FOLDERS:
                (path / name).mkdir(mode=0o700, exist_ok=True)
            (path / STATUS_FILE).unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"paths.run_dir: {path} cannot be used ({error.strerror})") from error

    def keep(self) -> bool:
        """Whether the folder, or its own files, were removed by somebody, and are there again.

        Raises OSError where that cannot be done, AlreadyRunningError where another recorder was faster.
        """
        gone = [not (self.path / name).is_dir() for name in FOLDERS]
        for name in FOLDERS:
            (self.path / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        if gone[0]:
            self.path.chmod(0o700)
        return self._lock.keep() or any(gone)

    @property
    def outboxes(self) -> list[str]:
        """The producers whose outbox is in it; one that has drained leaves none."""
        return sorted(path.name for path in self.path.glob("producers/*"))

    @property
    def exchange_waiting(self) -> Exchange | None:
        """The exchange of what waits in its outboxes to be archived; None where nothing does."""
        return next((each.exchange for each in identities_in(self.path / "producers")), None)

    @property
    def data_root_id_waiting(self) -> str:
        """The id of the data root that what waits in it is for; empty where nothing waits."""
        return next((each.data_root_id for each in identities_in(self.path / "producers")), "")

    def release(self) -> None:
        """Let go of it, and remove it unless an outbox is left in it."""
        if not self.outboxes:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()


def _make_and_lock(path: Path, data_root: Path, data_root_id: str) -> FileLock:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    waiting = any(path.glob("producers/*"))  # what an earlier run left is drained in any case
    if not waiting:
        _refuse_too_small(path)
    facts = path.stat()
    if facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077:
        raise ConfigError(f"paths.run_dir: {path} must belong to you alone (mode 0700)")
    lock = FileLock(path / "lock", f"paths.run_dir: the folder {path}")
    try:
        if waiting:
            _refuse_if_of_another(path, data_root, data_root_id)
    except ConfigError:
        lock.release()
        raise
    return lock


def _refuse_if_of_another(path: Path, data_root: Path, data_root_id: str) -> None:
    """What waits here belongs into the archives of the data root from which it came, wherever that is mounted now.

    A data root without an identity, or a spool of an older version, is known by its path alone.
    """
    ids = {each.data_root_id for each in identities_in(path / "producers")} - {""}
    earlier = _earlier_data_root(path)
    known = bool(ids) and bool(data_root_id)
    foreign = ids != {data_root_id} if known else earlier is not None and not _same(earlier, data_root)
    if foreign:
        replaced = earlier is not None and _same(earlier, data_root)
        which = (
            f"the data root that was at {earlier} before"
            if replaced
            else f"data root {earlier or '(unknown)'}"
        )
        raise ConfigError(
            f"paths.run_dir: {path} holds what a recorder on {which} has not archived yet;"
            f" {'bring it back' if replaced else 'start that one again'}, or choose another folder"
        )


def _earlier_data_root(path: Path) -> Path | None:
    try:
        return Path(msgspec.json.decode((path / ASSIGNMENT).read_bytes(), type=_Assigned).data_root)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None  # a damaged one tells nothing


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


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


def default_run_dir(data_root: Path) -> Path:
    """`orderbooks-<user id>-<hash of the data root>` in /dev/shm, else in the temporary folder."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is private, and checked
    base = shared_memory if os.access(shared_memory, os.W_OK) else Path(tempfile.gettempdir())
    mark = hashlib.sha256(os.fsencode(data_root.resolve())).hexdigest()[:12]
    return base / f"orderbooks-{os.getuid()}-{mark}"
