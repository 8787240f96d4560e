"""Upload records on disk: one small document for each archive that was proved at the remote."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from common.archive.sidecar import Sidecar
from common.core.rows.names import RUNTIME_FOLDER, STREAMS, Layout, window_start_of
from common.core.uploads.record import RECORD_SUFFIX, UPLOADS_FOLDER, UploadRecord, record_path
from common.files import DISK, Disk, write_atomically


def read_record(data_root: Path, path: str) -> UploadRecord | None:
    """The record of an archive, None if there is none that can be read: it is proved again then."""
    return _read(data_root / record_path(path))


def write_record(data_root: Path, record: UploadRecord, disk: Disk = DISK) -> None:
    """Put it in place, durably. Raises OSError."""
    text = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    write_atomically(data_root / record_path(record.path), text, disk=disk)


def upload_records(data_root: Path) -> Iterator[UploadRecord]:
    """Every record that can be read, ordered by path."""
    found = (data_root / UPLOADS_FOLDER).rglob(f"*{RECORD_SUFFIX}")
    records = (_read(path) for path in sorted(found) if not path.name.startswith("."))
    return (record for record in records if record is not None)


def sidecars_away(data_root: Path) -> Mapping[Path, Sidecar]:
    """The sidecars of archives that are no longer here but at the remote, by the path they had here."""
    away: dict[Path, Sidecar] = {}
    for record in upload_records(data_root):
        path = data_root / record.path
        if record.sidecar is None or path.exists():
            continue
        try:
            away[path] = msgspec.convert(record.sidecar, Sidecar)
        except msgspec.ValidationError:
            continue  # as if there were no record: what it held is then missing
    return away


def removed_unproved(data_root: Path) -> int:
    """How many archives were deleted here without a copy that was proved."""
    return sum(
        record.proof == "none" and record.sidecar is not None and not (data_root / record.path).exists()
        for record in upload_records(data_root)
    )


def was_uploaded(data_root: Path, path: str) -> bool:
    """Whether there is a record of a closed archive, wherever that is now."""
    return (data_root / record_path(path)).exists()


def has_left(data_root: Path, window_start_ns: int) -> bool:
    """Whether archives of a window are at the remote and no longer here."""
    for stream in STREAMS:
        example = Layout("runtime").path(
            stream, "any", lane=0, first_sequence=1, window_start_ns=window_start_ns
        )
        folder = example.rpartition("/")[0]
        assert folder.startswith(RUNTIME_FOLDER)
        for record in (data_root / UPLOADS_FOLDER / folder).glob(f"polymarket_*{RECORD_SUFFIX}"):
            name = record.name.removesuffix(RECORD_SUFFIX)
            if window_start_of(name) == window_start_ns and not (data_root / folder / name).exists():
                return True
    return False


def _read(path: Path) -> UploadRecord | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=UploadRecord)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
