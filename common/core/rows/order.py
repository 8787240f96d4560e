"""The order in which rows were recorded: of one producer over all its lanes, of several producers by receive time.

Every reader of archives takes their order from here, so that a replay, an export and a ledger agree.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush, heapreplace, merge
from operator import itemgetter
from typing import Any

import msgspec

from common.core.rows.names import REQUEST_STREAMS
from common.core.rows.reading import Row
from common.core.rows.websocket import SESSION_CLOSED

_Place = tuple[int, int, int, int]
_AFTER_ALL = 1 << 62


class Part(msgspec.Struct, frozen=True):
    """The rows of one producer in one archive; `rows` opens it. None of them was received before `begins_ns`."""

    stream: str
    producer: str
    lane: int
    first_sequence: int
    begins_ns: int
    rows: Callable[[], Iterator[Row]]


def in_recorded_order(parts: Iterable[Part]) -> Iterator[tuple[str, Row]]:
    """Every row with its stream. An archive is opened when its time has come."""
    producers: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        producers.setdefault((part.producer, part.stream), []).append(part)
    begins = {key: min(part.begins_ns for part in each) for key, each in producers.items()}
    waiting = sorted(producers, key=lambda key: (begins[key], key), reverse=True)
    heads: list[tuple[int, int, str, Row, Iterator[Row]]] = []
    while waiting or heads:
        while waiting and (not heads or begins[waiting[-1]] <= heads[0][0]):
            key = waiting.pop()
            rows = _of_producer(producers[key])
            if (row := next(rows, None)) is not None:
                heappush(heads, (row.received_at_ns, len(waiting), key[1], row, rows))
        if not heads:
            continue
        _, number, stream, row, rows = heads[0]
        yield stream, row
        if (following := next(rows, None)) is not None:
            heapreplace(heads, (following.received_at_ns, number, stream, following, rows))
        else:
            heappop(heads)


def _of_producer(parts: Iterable[Part]) -> Iterator[Row]:
    lanes: dict[int, list[Part]] = {}
    for part in sorted(parts, key=lambda part: part.first_sequence):
        lanes.setdefault(part.lane, []).append(part)
    if len(lanes) == 1:
        [lane] = lanes.values()
        return _one_after_the_other(lane)
    placed = (_with_places(lane) for lane in lanes.values())
    return (row for _, row in merge(*placed, key=_PLACE))


_PLACE: Callable[[tuple[_Place, Any]], _Place] = itemgetter(0)


def _one_after_the_other(parts: Iterable[Part]) -> Iterator[Row]:
    for part in parts:
        yield from part.rows()


def _with_places(parts: list[Part]) -> Iterator[tuple[_Place, Row]]:
    """Each row of a lane with its place among all lanes of the producer; no row comes before one that it follows."""
    place_of = _RestPlaces().of if parts[0].stream in REQUEST_STREAMS else _Places().of
    last: _Place = (0, 0, 0, 0)
    for row in _one_after_the_other(parts):
        last = max(last, place_of(row))
        yield last, row


class _RestPlaces:
    """The rows of requests have no monotonic time."""

    def of(self, row: Row) -> _Place:
        return 0, 0, row.received_at_ns, 0


class _Places:
    """The places of one lane's websocket rows.

    A producer has one connection at a time, and numbers them over all its lives: this orders what a reboot of the
    machine lies between. Within a connection the monotonic clock says which row came first, and the number of a message
    decides between equals. A row without a number belongs after the message before it in its lane, the end
    of a session after all. After a reboot rows may still be written for the connection before it (its end, gaps):
    the monotonic time then falls while the wall clock goes on.
    """

    def __init__(self) -> None:
        self._connection = self._boot = self._number = self._at_ns = self._monotonic_ns = 0

    def of(self, row: Row) -> _Place:
        is_end = row.record_type == SESSION_CLOSED
        monotonic_ns = row.received_monotonic_ns or row.received_at_ns
        self._number = row.global_message_sequence or self._number
        if row.connection_sequence > self._connection:
            self._connection = row.connection_sequence
            self._boot = int(is_end)  # all else of it is in other lanes, perhaps from before a reboot
        elif monotonic_ns < self._monotonic_ns and row.received_at_ns >= self._at_ns:
            self._boot += 1
        self._at_ns, self._monotonic_ns = row.received_at_ns, monotonic_ns
        return self._connection, self._boot, monotonic_ns, _AFTER_ALL if is_end else self._number
