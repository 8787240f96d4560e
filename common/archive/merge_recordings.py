"""One data root made of the recordings of several hosts: every archive as it is, with a sidecar that names its source.

All that the hosts recorded stays raw, as the legs of one host do. Readers see one stream with each message once: the
sidecars tell them the recordings apart.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from common.archive.exchange_held import one_exchange
from common.archive.identity import IDENTITY_FORMAT, DataRootIdentity, write_identity
from common.archive.legs import MergedRows, recording_of
from common.archive.read import closed_archives
from common.archive.replay import read_archive
from common.archive.sidecar import Source
from common.core.market import Exchange
from common.core.rows.names import sidecar_path
from common.core.rows.websocket import MESSAGE_RECORD
from common.errors import ArchiveError
from common.files import DISK, write_atomically
from common.version import PROGRAM_VERSION

_ID_DIGITS = 32
_STEP = 1 << 20


class Merged(msgspec.Struct, frozen=True):
    """What came of it. `messages` are those of the union, `only` those that one recording alone has, by its host."""

    archives: int
    bytes: int
    messages: int
    in_several: int
    only: Mapping[str, int]
    doubtful: int


class _Found(msgspec.Struct, frozen=True):
    """An archive with its path below its data root."""

    path: Path
    below: Path
    sidecar: dict[str, Any]
    source: Source


def merge_recordings(
    roots: Sequence[Path],
    output: Path,
    *,
    clock_error_ms: float | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Merged:
    """Put the archives of several data roots below `output`, a new folder, and say what their union holds.

    Everything is read and compared first; `progress` hears of the rows. Raises ArchiveError where the recordings are of
    two exchanges, where one is given twice, where a clock is not known well enough, an archive is damaged or has no
    sidecar, or `output` is not empty; OSError.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ArchiveError(f"{output}: is not empty; choose a new --output")
    found = [each for root in roots for each in _archives_of(root, clock_error_ms)]
    found.sort(key=lambda each: (each.source.data_root_id, each.below))
    exchange = _refuse_what_does_not_belong_together(roots, found)
    union = _union(roots, found, clock_error_ms, progress)
    size = sum(_copy(each, output / each.below) for each in found)
    write_identity(output, _identity_of(found, exchange))
    return msgspec.structs.replace(union, archives=len(found), bytes=size)


def _archives_of(root: Path, clock_error_ms: float | None) -> list[_Found]:
    identity, archives = recording_of(root), closed_archives(root)
    if not archives:
        raise ArchiveError(f"{root}: holds no closed archives; choose data roots")
    found = []
    for path in archives:
        try:
            sidecar = msgspec.json.decode(Path(sidecar_path(str(path))).read_bytes(), type=dict[str, Any])
            earlier = msgspec.convert(sidecar.get("sources", ()), tuple[Source, ...])
        except (OSError, msgspec.MsgspecError) as error:
            raise ArchiveError(f"{path}: its sidecar cannot be read: {error}") from error
        source = Source(identity, sidecar.get("host") or "", clock_error_ms)
        found.append(_Found(path, path.relative_to(root), sidecar, earlier[0] if earlier else source))
    return found


def _refuse_what_does_not_belong_together(roots: Sequence[Path], found: Sequence[_Found]) -> Exchange:
    ids = [recording_of(root) for root in roots]
    names = Counter(each.below.name for each in found)
    if len(set(ids)) < len(ids) or max(names.values()) > 1:
        raise ArchiveError(f"{' and '.join(map(str, roots))}: the same recording is given twice")
    return one_exchange({each.path: each.sidecar.get("exchange") for each in found}) or "live"


def _union(
    roots: Sequence[Path],
    found: Sequence[_Found],
    clock_error_ms: float | None,
    progress: Callable[[int], None],
) -> Merged:
    rows = read_archive(roots, clock_error_ms=clock_error_ms)
    names = _names({each.source.data_root_id: each.source.host for each in found})
    counts: Counter[str] = Counter()
    only = dict.fromkeys(sorted(names.values()), 0)
    for entry in rows.entries if isinstance(rows, MergedRows) else ():
        progress(len(entry.copies))
        if not entry.first_part or entry.row.record_type != MESSAGE_RECORD:
            continue
        having = {names[copy.source.rpartition("/")[0]] for copy in entry.copies}
        counts["messages"] += 1
        counts["doubtful"] += entry.doubtful
        counts["in_several"] += len(having) > 1
        if len(having) == 1:
            only[having.pop()] += 1
    return Merged(0, 0, counts["messages"], counts["in_several"], only, counts["doubtful"])


def _names(hosts: Mapping[str, str]) -> dict[str, str]:
    """What to call each recording: its host, with its id where that says too little."""
    times = Counter(hosts.values())
    return {
        identity: host if host and times[host] == 1 else f"{host} {identity[:8]}".strip()
        for identity, host in hosts.items()
    }


def _copy(found: _Found, target: Path) -> int:
    """Its size. The sidecar comes first, as when an archive is closed."""
    temporary = target.with_name(f".{target.name}.tmp")
    DISK.make_folder(target.parent)
    digest, size = hashlib.sha256(), 0
    descriptor = DISK.create(temporary)
    try:
        with found.path.open("rb") as file:
            while data := file.read(_STEP):
                digest.update(data)
                size += len(data)
                DISK.write(descriptor, data)
        DISK.share(descriptor)
        DISK.sync(descriptor)
    finally:
        os.close(descriptor)
    if digest.hexdigest() != found.sidecar.get("sha256"):
        temporary.unlink()
        raise ArchiveError(f"{found.path}: is not what its sidecar says; see what bin/verify-archives finds")
    sidecar = {**found.sidecar, "sources": [msgspec.to_builtins(found.source)]}
    text = msgspec.json.format(msgspec.json.encode(sidecar), indent=2) + b"\n"
    write_atomically(Path(sidecar_path(str(target))), text)
    DISK.rename(temporary, target)
    DISK.sync_folder(target.parent)
    return size


def _identity_of(found: Sequence[_Found], exchange: Exchange) -> DataRootIdentity:
    """Made of its sources alone: the same recordings give the same data root."""
    ids = sorted({each.source.data_root_id for each in found})
    newest = max(each.sidecar["last_received_at_utc"] for each in found)
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:_ID_DIGITS]
    return DataRootIdentity(IDENTITY_FORMAT, digest, exchange, newest, PROGRAM_VERSION)
