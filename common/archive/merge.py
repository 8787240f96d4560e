"""The rows of many closed archives in one order, with a bounded memory: over lanes and writers, over producers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush, heapreplace, merge
from operator import itemgetter
from pathlib import Path

import msgspec

from common.archive.exchange_held import one_exchange
from common.archive.read import iterate_lines
from common.core.instants import parse_utc_ns
from common.core.rows.names import lane_and_sequence, sidecar_path
from common.core.rows.reading import Row, row_of
from common.core.rows.websocket import SESSION_CLOSED
from common.errors import ArchiveError

_MICROSECOND_NS = 1000
_BEHIND_ALL = 1 << 62
_LaneKey = tuple[int, int, int]


class Span(msgspec.Struct, frozen=True):
    """The receive times that are asked for, in nanoseconds since 1970, the second one excluded."""

    since_ns: int
    until_ns: int


class Part(msgspec.Struct, frozen=True):
    """The rows of one producer in one archive; `alone` if it holds no others. `exchange` as its sidecar states it."""

    path: Path
    producer: str
    lane: int
    first_sequence: int
    first_ns: int
    last_ns: int
    alone: bool
    exchange: str | None


class _LaneRange(msgspec.Struct):
    first_lane_sequence: int


class _Sidecar(msgspec.Struct):
    lane: int
    first_received_at_utc: str
    last_received_at_utc: str
    producers: dict[str, _LaneRange]
    exchange: str | None = None


_SIDECAR = msgspec.json.Decoder(_Sidecar)


def merged_rows(archives: Iterable[Path], span: Span) -> Iterator[Row]:
    """Every row of closed archives whose receive time is in the span, each producer's in the order of recording.

    Rows of several producers follow one another by their receive times. An archive is opened when its time has
    come. Raises ArchiveError where one is torn or holds a line that is no row, or where they are of two exchanges.
    """
    producers: dict[str, list[Part]] = {}
    stated: dict[Path, str | None] = {}
    for path in archives:
        for part in _parts(path):
            if part.last_ns >= span.since_ns and part.first_ns < span.until_ns:
                producers.setdefault(part.producer, []).append(part)
                stated[path] = part.exchange
    one_exchange(stated)
    return _by_time(producers, span)


def _parts(path: Path) -> list[Part]:
    try:
        told = _SIDECAR.decode(Path(sidecar_path(str(path))).read_bytes())
        first_ns = parse_utc_ns(told.first_received_at_utc)
        last_ns = parse_utc_ns(told.last_received_at_utc) + _MICROSECOND_NS  # the text is cut, not rounded
    except (OSError, msgspec.DecodeError, ValueError):
        return _parts_by_reading(path)
    return [
        Part(
            path,
            producer,
            told.lane,
            part.first_lane_sequence,
            first_ns,
            last_ns,
            len(told.producers) == 1,
            told.exchange,
        )
        for producer, part in told.producers.items()
    ]


def _parts_by_reading(path: Path) -> list[Part]:
    """Of an archive that has lost its sidecar."""
    times: dict[str, tuple[int, int]] = {}
    for row in _rows_of(path):
        first_ns, last_ns = times.get(row.producer, (row.received_at_ns, row.received_at_ns))
        times[row.producer] = min(first_ns, row.received_at_ns), max(last_ns, row.received_at_ns)
    lane, sequence = lane_and_sequence(path.name) or (0, 0)
    return [
        Part(path, producer, lane, sequence, first_ns, last_ns, len(times) == 1, None)
        for producer, (first_ns, last_ns) in times.items()
    ]


def _by_time(producers: Mapping[str, Sequence[Part]], span: Span) -> Iterator[Row]:
    begins = {name: min(part.first_ns for part in parts) for name, parts in producers.items()}
    waiting = sorted(producers, key=lambda name: (begins[name], name), reverse=True)
    heads: list[tuple[int, int, Row, Iterator[Row]]] = []
    while waiting or heads:
        while waiting and (not heads or begins[waiting[-1]] <= heads[0][0]):
            rows = _of_producer(producers[waiting.pop()], span)
            if (row := next(rows, None)) is not None:
                heappush(heads, (row.received_at_ns, len(waiting), row, rows))
        if not heads:
            continue
        _, number, row, rows = heads[0]
        yield row
        if (following := next(rows, None)) is not None:
            heapreplace(heads, (following.received_at_ns, number, following, rows))
        else:
            heappop(heads)


def _of_producer(parts: Sequence[Part], span: Span) -> Iterator[Row]:
    lanes: dict[int, list[Part]] = {}
    for part in sorted(parts, key=lambda part: (part.first_sequence, part.path.name)):
        lanes.setdefault(part.lane, []).append(part)
    keyed = [_of_lane(lane) for lane in lanes.values()]
    for _, row in merge(*keyed, key=itemgetter(0)):
        if span.since_ns <= row.received_at_ns < span.until_ns:
            yield row


def _of_lane(parts: Sequence[Part]) -> Iterator[tuple[_LaneKey, Row]]:
    """Each row with its place among all lanes of the producer.

    The monotonic clock says which row came first, the number of a message decides between equals. A row without
    a number belongs behind the message before it in its lane, the end of a session behind all. A monotonic time
    that fell while the wall clock went on means that the machine has started anew.
    """
    boot = number = 0
    before: Row | None = None
    for part in parts:
        for row in _rows_of(part.path):
            if not part.alone and row.producer != part.producer:
                continue
            number = row.global_message_sequence or number
            if before is not None and _started_anew(before, row):
                boot += 1
            before = row
            place = _BEHIND_ALL if row.record_type == SESSION_CLOSED else number
            yield (boot, row.received_monotonic_ns or row.received_at_ns, place), row


def _started_anew(before: Row, row: Row) -> bool:
    fell = row.received_monotonic_ns < before.received_monotonic_ns
    return fell and row.received_at_ns >= before.received_at_ns


def _rows_of(path: Path) -> Iterator[Row]:
    for number, line in enumerate(iterate_lines(path), start=1):
        try:
            yield row_of(line)
        except ArchiveError as error:
            raise ArchiveError(f"{path}: line {number}: {error}") from error
