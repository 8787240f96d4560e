"""The rows of many closed archives in one order, with a bounded memory: over lanes and writers, over producers."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import msgspec

from common.archive.exchange_held import one_exchange
from common.archive.read import iterate_lines
from common.core.instants import parse_utc_ns
from common.core.rows.names import lane_and_sequence, sidecar_path, stream_of
from common.core.rows.order import Part, in_recorded_order
from common.core.rows.origin import leg_in_name
from common.core.rows.reading import Row, row_of
from common.errors import ArchiveError

_MICROSECOND_NS = 1000


class Span(msgspec.Struct, frozen=True):
    """The receive times that are asked for, in nanoseconds since 1970, the second one excluded."""

    since_ns: int
    until_ns: int


class FoundPart(msgspec.Struct, frozen=True):
    """The rows of one producer in one archive; `alone` if it holds no others. `exchange` as its sidecar states it.

    `recording` is the data root that it was recorded in, empty where nothing says so.
    """

    path: Path
    recording: str
    producer: str
    leg: str
    lane: int
    first_sequence: int
    first_ns: int
    last_ns: int
    alone: bool
    exchange: str | None
    clock_error_ms: float | None = None  # what was given for a clock that the recording knows nothing of


class _LaneRange(msgspec.Struct):
    first_lane_sequence: int


class _Source(msgspec.Struct):
    data_root_id: str = ""
    clock_error_ms: float | None = None


class _Sidecar(msgspec.Struct):
    lane: int
    first_received_at_utc: str
    last_received_at_utc: str
    producers: dict[str, _LaneRange]
    exchange: str | None = None
    leg: str | None = None
    sources: tuple[_Source, ...] = ()


_SIDECAR = msgspec.json.Decoder(_Sidecar)


def find_parts(archives: Mapping[Path, str], span: Span) -> list[FoundPart]:
    """What closed archives hold of a span, by their sidecars; `archives` names the recording of each.

    Raises ArchiveError where they are of two exchanges, or one cannot be read that has lost its sidecar.
    """
    found = [
        part
        for path, recording in archives.items()
        for part in _parts(path, recording)
        if part.last_ns >= span.since_ns and part.first_ns < span.until_ns
    ]
    one_exchange({part.path: part.exchange for part in found})
    return found


def rows_in_order(found: Iterable[FoundPart], span: Span) -> Iterator[Row]:
    """Every row whose receive time is in the span, each producer's in the order of recording.

    Rows of several producers follow one another by their receive times. An archive is opened when its time has
    come. Raises ArchiveError where one is torn or holds a line that is not a row.
    """
    parts = (
        Part(
            stream_of(each.path.name) or "",
            each.producer,
            each.lane,
            each.first_sequence,
            each.first_ns,
            partial(_rows_in, each, span),
        )
        for each in found
    )
    return (row for _, row in in_recorded_order(parts))


def _parts(path: Path, recording: str) -> list[FoundPart]:
    try:
        told = _SIDECAR.decode(Path(sidecar_path(str(path))).read_bytes())
        first_ns = parse_utc_ns(told.first_received_at_utc)
        last_ns = parse_utc_ns(told.last_received_at_utc) + _MICROSECOND_NS  # the text is cut, not rounded
    except (OSError, msgspec.DecodeError, ValueError):
        return _parts_by_reading(path, recording)
    return [
        FoundPart(
            path,
            told.sources[0].data_root_id if told.sources else recording,
            producer,
            told.leg or leg_in_name(producer),
            told.lane,
            part.first_lane_sequence,
            first_ns,
            last_ns,
            len(told.producers) == 1,
            told.exchange,
            told.sources[0].clock_error_ms if told.sources else None,
        )
        for producer, part in told.producers.items()
    ]


def _parts_by_reading(path: Path, recording: str) -> list[FoundPart]:
    """Of an archive that has lost its sidecar."""
    times: dict[str, tuple[int, int]] = {}
    for row in _rows_of(path):
        first_ns, last_ns = times.get(row.producer, (row.received_at_ns, row.received_at_ns))
        times[row.producer] = min(first_ns, row.received_at_ns), max(last_ns, row.received_at_ns)
    lane, sequence = lane_and_sequence(path.name) or (0, 0)
    return [
        FoundPart(
            path,
            recording,
            producer,
            leg_in_name(producer),
            lane,
            sequence,
            first_ns,
            last_ns,
            len(times) == 1,
            None,
        )
        for producer, (first_ns, last_ns) in times.items()
    ]


def _rows_in(part: FoundPart, span: Span) -> Iterator[Row]:
    for row in _rows_of(part.path):
        if (
            part.alone or row.producer == part.producer
        ) and span.since_ns <= row.received_at_ns < span.until_ns:
            yield row


def _rows_of(path: Path) -> Iterator[Row]:
    for number, line in enumerate(iterate_lines(path), start=1):
        try:
            yield row_of(line)
        except ArchiveError as error:
            raise ArchiveError(f"{path}: line {number}: {error}") from error
