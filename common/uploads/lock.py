"""One uploader at a time on a data root; what a killed one has started still counts."""

import os
from pathlib import Path

from common.config import Settings, UploadSettings
from common.core.uploads.retention import Retention
from common.errors import RecorderError
from common.locks import FileLock
from common.remote.rclone import Rclone

LOCK = ".uploader.lock"


def take_uploads(data_root: Path, settings: UploadSettings) -> tuple[FileLock, Rclone]:
    """The lock of a data root's uploads, and the remote, whose program holds the lock as well while it runs.

    Raises AlreadyRunningError while another uploader works here, RecorderError where there can be none.
    """
    try:
        lock = FileLock(data_root / LOCK, f"uploading from {data_root}")
    except OSError as error:
        raise RecorderError(f"paths.data_root: {data_root} cannot be used ({error.strerror})") from error
    remote = Rclone(settings.rclone, settings.remote, environment=os.environ, held=(lock.descriptor,))
    return lock, remote


def take_lock(data_root: Path) -> FileLock:
    """The lock of a data root's uploads, for who deletes here without a remote. Raises as `take_uploads`."""
    try:
        return FileLock(data_root / LOCK, f"deleting old archives of {data_root}")
    except OSError as error:
        raise RecorderError(f"paths.data_root: {data_root} cannot be used ({error.strerror})") from error


def retention_of(settings: Settings) -> Retention:
    """The bounds that the settings name."""
    return Retention(settings.retention.max_age_seconds, settings.retention.max_bytes)
