"""The sidecar: the manifest of one archive, gathered row by row, written before the archive gets its name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from common.archive.journal import LaneRange, OpenFile
from common.core.instants import utc_text
from common.core.rows.facts import RowFacts
from common.core.rows.names import sidecar_path
from common.files import Disk, write_atomically
from common.version import PROGRAM_VERSION

SIDECAR_SCHEMA_VERSION = 1


class SessionRange(msgspec.Struct):
    """The messages of one session in one archive. Sequences are 0 where it has only life-cycle rows."""

    session_id: str
    producer: str
    first_message_sequence: int = 0
    last_message_sequence: int = 0
    first_global_message_sequence: int = 0
    last_global_message_sequence: int = 0
    count: int = 0


class Source(msgspec.Struct, frozen=True):
    """Where an archive that was merged with others comes from: the data root, by its id, and its host.

    `clock_error_ms` is what was given for a clock that its recording knows nothing of.
    """

    data_root_id: str
    host: str
    clock_error_ms: float | None = None


class Sidecar(msgspec.Struct, frozen=True):
    """One archive's account of itself.

    `bytes` and `sha256` are of the file, `uncompressed_bytes` of its rows. `bytes_cut` were behind the last
    commit when a crash was recovered; their rows were never acknowledged, so their producer sends them again.
    `exchange` and `host` are what its rows state, None where an older version made them; `leg` is None also for REST
    and where rows of both legs share an archive, as in a sample. `clock_offset_seconds` is how far this machine's
    clock was ahead of the exchange's when the archive was closed, None where that is unknown.
    `program_version` is of the program that closed it, empty where that is not known. `sources` is empty where this
    data root recorded it.
    """

    schema_version: int
    archive: str
    stream: str
    lane: int
    rows: int
    bytes: int
    sha256: str
    uncompressed_bytes: int
    first_received_at_utc: str
    last_received_at_utc: str
    producers: Mapping[str, LaneRange]
    sessions: tuple[SessionRange, ...]
    gaps: tuple[dict[str, Any], ...]
    recovered: bool
    bytes_cut: int
    exchange: str | None = None
    clock_offset_seconds: float | None = None
    leg: str | None = None
    host: str | None = None
    program_version: str = ""
    sources: tuple[Source, ...] = ()


class RowTally:
    """Gathers over the rows of one archive what only they tell."""

    def __init__(self) -> None:
        self.rows = 0
        self.gaps: list[dict[str, Any]] = []
        self.sessions: dict[tuple[str, str], SessionRange] = {}
        self.exchange: str | None = None
        self.host: str | None = None
        self._legs: set[str | None] = set()
        self.first_received_at_ns = 0
        self.last_received_at_ns = 0

    def add(self, producer: str, facts: RowFacts) -> None:
        """Count them."""
        at = facts.received_at_ns
        if not self.rows:
            self.first_received_at_ns = self.last_received_at_ns = at
        elif at > self.last_received_at_ns:
            self.last_received_at_ns = at
        elif at < self.first_received_at_ns:
            self.first_received_at_ns = at
        self.rows += facts.rows
        self.exchange = facts.exchange or self.exchange
        self.host = facts.host or self.host
        self._legs.add(facts.leg)
        if facts.gap is not None:
            self.gaps.append(facts.gap)
        if facts.session_id:
            self._count_in_session(producer, facts)

    @property
    def leg(self) -> str | None:
        """The one leg that all rows are of; None where they are of both, or of none."""
        return next(iter(self._legs)) if len(self._legs) == 1 else None

    def _count_in_session(self, producer: str, facts: RowFacts) -> None:
        key = (producer, facts.session_id)
        session = self.sessions.get(key)
        if session is None:
            session = self.sessions[key] = SessionRange(facts.session_id, producer)
        if not facts.message_sequence:
            return
        if not session.count:
            session.first_message_sequence = facts.message_sequence
            session.first_global_message_sequence = facts.global_message_sequence
        session.last_message_sequence = facts.message_sequence + facts.rows - 1
        session.last_global_message_sequence = facts.global_message_sequence + facts.rows - 1
        session.count += facts.rows


def sidecar_of(
    file: OpenFile, lane: int, sha256: str, tally: RowTally, clock_offset_seconds: float | None = None
) -> Sidecar:
    """The sidecar of a complete archive."""
    return Sidecar(
        schema_version=SIDECAR_SCHEMA_VERSION,
        archive=file.path.rpartition("/")[2],
        stream=file.stream,
        lane=lane,
        rows=file.rows,
        bytes=file.bytes,
        sha256=sha256,
        uncompressed_bytes=file.uncompressed_bytes,
        first_received_at_utc=utc_text(tally.first_received_at_ns),
        last_received_at_utc=utc_text(tally.last_received_at_ns),
        producers=file.producers,
        sessions=tuple(tally.sessions.values()),
        gaps=tuple(tally.gaps),
        recovered=file.recovered,
        bytes_cut=file.bytes_cut,
        exchange=tally.exchange,
        clock_offset_seconds=clock_offset_seconds,
        leg=tally.leg,
        host=tally.host,
        program_version=PROGRAM_VERSION,
    )


def write_sidecar(data_root: Path, path: str, sidecar: Sidecar, disk: Disk) -> None:
    """Put the sidecar beside its archive, durably. Raises OSError."""
    text = msgspec.json.format(msgspec.json.encode(sidecar), indent=2) + b"\n"
    write_atomically(data_root / sidecar_path(path), text, disk=disk)


def read_sidecar(archive: Path) -> Sidecar:
    """The sidecar of a closed archive. Raises OSError, or msgspec.DecodeError if it is none."""
    return msgspec.json.decode(Path(sidecar_path(str(archive))).read_bytes(), type=Sidecar)
