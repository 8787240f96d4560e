"""The union of the legs of a recording, and of recordings of several hosts: entries in the order of sending."""

from collections.abc import Iterable, Iterator
from heapq import merge
from operator import attrgetter

import msgspec

from common.core.instants import NS_PER_SECOND
from common.core.merging.entries import Entries, Entry, joined
from common.core.merging.messages import LegMessage, Merged
from common.core.merging.unit import STRETCH_NS, UnitMerge
from common.core.rows.origin import LEGS, leg_of
from common.core.rows.reading import Row
from common.core.rows.websocket import SESSION_CLOSED, SESSION_OPENED

_WAIT_NS = 600 * NS_PER_SECOND  # a connection that says nothing for longer is not waited for
_IDLE_STRETCHES = 30


class _Units:
    """The units of two legs, settled stretch by stretch of absolute time: where reading began makes no difference."""

    def __init__(self, *, same_clock: bool) -> None:
        self._same_clock = same_clock
        self._units: dict[str, UnitMerge[Entry]] = {}
        self._idle: dict[str, int] = {}
        self._stretch = 0

    def take(self, entry: Entry, *, second: bool) -> None:
        unit = self._units.get(entry.unit)
        if unit is None:
            unit = self._units[entry.unit] = UnitMerge()
        message = _with_reference(entry, same_clock=self._same_clock)
        (unit.take_b if second else unit.take_a)(message)

    @property
    def settles_at_ns(self) -> int:
        """The end of this stretch: before it nothing is settled."""
        return (self._stretch + 1) * STRETCH_NS

    def settle(self, seen_until_ns: int) -> Iterator[Entry]:
        """What is settled, once in a stretch."""
        if seen_until_ns // STRETCH_NS <= self._stretch:
            return iter(())
        self._stretch = seen_until_ns // STRETCH_NS
        settled = self._in_order({name: unit.settle(seen_until_ns) for name, unit in self._units.items()})
        self._forget_idle()
        return settled

    def finish(self) -> Iterator[Entry]:
        return self._in_order({name: unit.finish() for name, unit in self._units.items()})

    def _in_order(self, of_units: dict[str, list[Merged[Entry]]]) -> Iterator[Entry]:
        """Of units in a fixed order: it must not depend on which one was seen first."""
        lists = [of_units[name] for name in sorted(of_units)]
        return map(_entry, merge(*lists, key=attrgetter("at_ns")))

    def _forget_idle(self) -> None:
        for name, unit in list(self._units.items()):
            self._idle[name] = 0 if unit.waiting else self._idle.get(name, 0) + 1
            if self._idle[name] > _IDLE_STRETCHES:
                del self._units[name], self._idle[name]


class _Progress:
    """How far each connection of a recording has been read, by the time when its messages were due."""

    def __init__(self) -> None:
        self.furthest_ns = 0
        self._open: dict[tuple[str, str | None], int] = {}  # sessions

    def note(self, entry: Entry) -> None:
        """The next entry."""
        row = entry.row
        session = row.producer, row.session_id
        self.furthest_ns = max(self.furthest_ns, entry.order_ns)
        if row.record_type == SESSION_CLOSED:
            self._open.pop(session, None)
        elif row.record_type == SESSION_OPENED or session in self._open:
            self._open[session] = max(self._open.get(session, 0), entry.order_ns)

    def watermark(self) -> int:
        """Up to where all has been read. A connection that is open is waited for."""
        slowest_ns = min(self._open.values(), default=self.furthest_ns)
        return max(slowest_ns, self.furthest_ns - _WAIT_NS)


def of_legs(rows: Iterable[Row], entries: Entries) -> Iterator[Entry]:
    """The union of both legs of one recording, whose rows come in recorded order.

    One that lags, or whose wall clock stepped, is merged all the same.
    """
    units, progress = _Units(same_clock=True), _Progress()
    for entry in entries.all(rows):
        progress.note(entry)
        if progress.furthest_ns >= units.settles_at_ns:
            yield from units.settle(progress.watermark())
        units.take(entry, second=leg_of(entry.row.leg) != LEGS[0])
    yield from units.finish()


def of_recordings(first: Iterable[Entry], second: Iterable[Entry]) -> Iterator[Entry]:
    """The union of two recordings of hosts that know nothing of each other."""
    units = _Units(same_clock=False)
    for entry, is_second in merge(
        ((entry, False) for entry in first),
        ((entry, True) for entry in second),
        key=lambda coming: coming[0].order_ns,
    ):
        yield from units.settle(entry.order_ns)
        units.take(entry, second=is_second)
    yield from units.finish()


def _with_reference(entry: Entry, *, same_clock: bool) -> LegMessage[Entry]:
    message = entry.message
    return LegMessage(
        message.received_ns,
        message.opened_ns,
        message.exchange_ms,
        message.kind,
        message.key,
        entry,
        message.behind_ns,
        0 if same_clock else message.clock_error_ns,
    )


def _entry(merged: Merged[Entry]) -> Entry:
    if merged.a is not None and merged.b is not None:
        return joined(merged.a, merged.b, doubtful=merged.doubtful, order_ns=merged.at_ns)
    entry = merged.b if merged.a is None else merged.a
    assert entry is not None
    in_doubt = entry.doubtful or merged.doubtful
    return msgspec.structs.replace(entry, doubtful=in_doubt, order_ns=merged.at_ns)
