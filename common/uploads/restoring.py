"""Fetches a part of a remote into an empty folder, as who has lost everything here would do it."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from common.archive.upload_records import read_record
from common.core.rows.names import ARCHIVE_SUFFIX, LEDGER_FOLDER, RUNTIME_FOLDER, STREAMS, WS_RAW
from common.errors import ArchiveError, RemoteError
from common.files import sha256_of
from common.remote.rclone import Rclone


class Restored(msgspec.Struct, frozen=True):
    """What was fetched. `like_records`: how many archives are what the upload records of a data root state.

    `unlike_records` are those that are not, and `unknown` counts those of which there is no record.
    """

    hour: str
    archives: int
    bytes: int
    like_records: int
    unlike_records: tuple[str, ...]
    unknown: int


def newest_whole_hour(remote: Rclone) -> str:
    """`dt=2026-11-23/hour=12`: the last but one that is there, as the last may still be on its way."""
    stream = f"{RUNTIME_FOLDER}/{WS_RAW}"
    hours: list[str] = []
    for day in reversed(remote.folders(stream)):
        hours += [f"{day}/{hour}" for hour in reversed(remote.folders(f"{stream}/{day}"))]
        if len(hours) > 1:
            return hours[1]
    if not hours:
        raise RemoteError(f"{remote.remote}: holds no archives")
    return hours[0]


def restore(remote: Rclone, hour: str, into: Path, records_of: Path | None) -> Restored:
    """Fetch an hour, or everything for an empty one, and compare with upload records. Raises RemoteError, OSError."""
    if into.exists() and any(into.iterdir()):
        raise ArchiveError(f"{into}: is not empty; choose another --output")
    into.mkdir(parents=True, exist_ok=True)
    sizes = _files(remote, hour)
    if not any(path.endswith(ARCHIVE_SUFFIX) for path in sizes):
        raise RemoteError(f"{remote.remote}: holds no archive of {hour or 'anything'}")
    told = remote.fetch([*sizes], sum(sizes.values()), into)
    for path, words in told.failed.items():
        raise RemoteError(f"{path}: {words}")
    archives = [path for path in sizes if path.endswith(ARCHIVE_SUFFIX)]
    verdicts = {path: _like_record(into, path, records_of) for path in archives}
    return Restored(
        hour=hour,
        archives=len(archives),
        bytes=sum(sizes[path] for path in archives),
        like_records=sum(verdict is True for verdict in verdicts.values()),
        unlike_records=tuple(path for path, verdict in verdicts.items() if verdict is False),
        unknown=sum(verdict is None for verdict in verdicts.values()),
    )


def _files(remote: Rclone, hour: str) -> Mapping[str, int]:
    if not hour:
        return remote.files("")
    found: dict[str, int] = {}
    for folder in (RUNTIME_FOLDER, LEDGER_FOLDER):
        for stream in STREAMS:
            found |= remote.files(f"{folder}/{stream}/{hour}")
    return found


def _like_record(into: Path, path: str, records_of: Path | None) -> bool | None:
    record = read_record(records_of, path) if records_of is not None else None
    return None if record is None else record.sha256 == sha256_of(into / path)
