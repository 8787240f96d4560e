"""Whether a lane's journal is that of the archives beside it; if not, what the archives themselves say is durable.

A data root may be restored without its journal, with yesterday's, or with that of another lane. A journal is always
ahead of the sidecars: what a sidecar holds was committed before.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from common.archive.journal import (
    JournalLine,
    Mark,
    OpenFile,
    latest_marks,
    latest_producers,
    read_journal,
)
from common.archive.sidecar import Sidecar
from common.archive.upload_records import sidecars_away
from common.core.instants import parse_utc_ns
from common.core.rows.names import (
    ARCHIVE_SUFFIX,
    RUNTIME_FOLDER,
    SAMPLE_FOLDER,
    SIDECAR_SUFFIX,
    STREAMS,
    lane_and_sequence,
    lane_of_open,
    open_path,
)

_NEWEST_FOLDERS = 2  # of each stream: a start must not read the sidecars of a year


class CheckedJournal(msgspec.Struct, frozen=True):
    """What to recover from. `trusted`: the journal is of these archives, so that no open file it leaves out counts.

    `finding` says what is wrong with it, empty if nothing is.
    """

    line: JournalLine
    trusted: bool
    finding: str = ""


def checked_journal(data_root: Path, lane: int, path: Path) -> CheckedJournal:
    """The last line of a lane's journal, made to agree with the sidecars. Raises OSError, ConfigError."""
    line = read_journal(path)
    if line is None:
        known = _from_sidecars(_sidecars(data_root, lane))
        if path.exists():
            return CheckedJournal(known, trusted=False, finding=f"{path}: holds no line that can be read")
        finding = f"{path}: is missing, though archives of lane {lane} are here" if known.durable else ""
        return CheckedJournal(known, trusted=False, finding=finding)
    if (other := _lane_of(line)) not in {None, lane}:
        known = _from_sidecars(_sidecars(data_root, lane))
        return CheckedJournal(known, trusted=False, finding=f"{path}: is the journal of lane {other}")
    newest = _from_sidecars(_newest_sidecars(data_root, lane))
    if any(last > line.durable.get(producer, 0) for producer, last in newest.durable.items()):
        known = _merged(line, _from_sidecars(_sidecars(data_root, lane)))
        return CheckedJournal(known, trusted=False, finding=f"{path}: is older than the archives")
    return CheckedJournal(line, trusted=True)


def without_gone(data_root: Path, lane: int, line: JournalLine, gone: Iterable[OpenFile]) -> JournalLine:
    """What is durable where somebody removed open archives: what their producers have no more is to be declared."""
    durable, marks = dict(line.durable), dict(line.marks)
    parts = [(producer, part) for file in gone for producer, part in file.producers.items()]
    sidecars = list(_sidecars(data_root, lane)) if parts else []
    for producer, part in parts:
        if durable.get(producer) != part.last_lane_sequence:
            continue  # later rows are here: nothing can be sent again
        known = _from_sidecars(each for each in sidecars if producer in each.producers)
        durable[producer] = part.first_lane_sequence - 1
        marks[producer] = known.marks.get(producer, Mark())
    return msgspec.structs.replace(line, durable=durable, marks=marks)


def _lane_of(line: JournalLine) -> int | None:
    if line.lane is not None:
        return line.lane
    names = (open_path(file.path).rpartition("/")[2] for file in line.files)
    return next((lane for name in names if (lane := lane_of_open(name)) is not None), None)


def _merged(line: JournalLine, known: JournalLine) -> JournalLine:
    durable = {**line.durable}
    for producer, last in known.durable.items():
        durable[producer] = max(last, durable.get(producer, 0))
    return msgspec.structs.replace(line, durable=durable, marks={**line.marks, **known.marks})


def _from_sidecars(sidecars: Iterable[Sidecar]) -> JournalLine:
    """What they say is durable, the latest producers last."""
    durable: dict[str, int] = {}
    marks: dict[str, Mark] = {}
    for sidecar in sorted(sidecars, key=lambda each: each.last_received_at_utc):
        at_ns = parse_utc_ns(sidecar.last_received_at_utc)
        for producer, part in sidecar.producers.items():
            durable[producer] = max(part.last_lane_sequence, durable.pop(producer, 0))
            number = max(_numbers(sidecar, producer), default=0)
            before = marks.pop(producer, Mark())
            marks[producer] = Mark(max(number, before.number), max(at_ns, before.at_ns))
    return JournalLine(durable=latest_producers(durable), marks=latest_marks(marks))


def _numbers(sidecar: Sidecar, producer: str) -> Iterator[int]:
    for session in sidecar.sessions:
        if session.producer == producer:
            yield session.last_global_message_sequence or session.last_message_sequence


def _sidecars(data_root: Path, lane: int) -> Iterator[Sidecar]:
    """Those of a lane, of archives that have left for the remote too."""
    for folder in (RUNTIME_FOLDER, SAMPLE_FOLDER):
        yield from _read(sorted((data_root / folder).rglob(f"*{SIDECAR_SUFFIX}")), lane)
    yield from (sidecar for sidecar in sidecars_away(data_root).values() if sidecar.lane == lane)


def _newest_sidecars(data_root: Path, lane: int) -> Iterator[Sidecar]:
    for stream in STREAMS:
        days = sorted((data_root / RUNTIME_FOLDER / stream).glob("dt=*"), reverse=True)
        hours = (hour for day in days for hour in sorted(day.glob("hour=*"), reverse=True))
        for hour in islice(hours, _NEWEST_FOLDERS):
            paths = hour.glob(f"*{ARCHIVE_SUFFIX}{SIDECAR_SUFFIX}")
            yield from _read((path for path in paths if _is_of(path, lane)), lane)


def _is_of(path: Path, lane: int) -> bool:
    told = lane_and_sequence(path.name.removesuffix(SIDECAR_SUFFIX))
    return told is not None and told[0] == lane


def _read(paths: Iterable[Path], lane: int) -> Iterator[Sidecar]:
    for path in paths:
        if path.name.startswith("."):
            continue
        try:
            sidecar = msgspec.json.decode(path.read_bytes(), type=Sidecar)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue  # its archive is in doubt anyway
        if sidecar.lane == lane:
            yield sidecar
