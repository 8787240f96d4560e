"""The lock on a data root, and what is in its file: who records here, and in which folder it runs."""

from contextlib import suppress
from pathlib import Path

import msgspec

from common.errors import AlreadyRunningError, RecorderError
from common.locks import RECORDER_LOCK, FileLock, is_locked


class Holder(msgspec.Struct, frozen=True):
    """The recorder that holds a data root. Versions before 0.2.0 wrote the first two fields alone."""

    pid: int
    run_dir: str
    version: str = ""
    started_at_utc: str = ""

    @property
    def described(self) -> str:
        """What a person needs to find it."""
        since = f", since {self.started_at_utc}" if self.started_at_utc else ""
        version = f", version {self.version}" if self.version else ""
        return f"process id {self.pid}{since}{version}, run folder {self.run_dir}"


def lock_data_root(data_root: Path) -> FileLock:
    """Make sure that this is the only recorder here. Raises RecorderError naming folder and holder if it is not."""
    try:
        data_root.mkdir(parents=True, exist_ok=True)
        return FileLock(data_root / RECORDER_LOCK, f"the data root {data_root}")
    except AlreadyRunningError as error:
        holder = holder_of(data_root)
        raise AlreadyRunningError(f"{error}: {holder.described}" if holder else str(error)) from error
    except OSError as error:
        raise RecorderError(
            f"paths.data_root: {data_root} cannot be written ({error.strerror}); choose another --data-root"
        ) from error


def note_holder(lock: FileLock, holder: Holder) -> None:
    """Write down who holds the lock, as far as the disk takes it."""
    with suppress(OSError):
        lock.note(msgspec.json.encode(holder))


def holder_of(data_root: Path) -> Holder | None:
    """Who holds the lock of a data root; None where nobody does, or that cannot be told."""
    path = data_root / RECORDER_LOCK
    try:
        if not is_locked(path):
            return None
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
