"""Two legs as one stream for looking on: nothing is held back, so that what comes out late or in doubt is marked.

Of each unit (a market) one leg leads and is shown as it comes. What the other one has beyond it waits; it is shown
where the leader ends, stalls, or has gone on without it. Exactness comes from the archives (`unit`).
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from common.core.instants import NS_PER_SECOND
from common.core.merging.messages import HORIZON_NS
from common.core.rows.origin import LEGS, Leg

STALL_NS = 2 * NS_PER_SECOND  # so long the other leg waits for the leader to bring the same
_FORGET_NS = 5 * HORIZON_NS  # a unit without messages
R = TypeVar("R")


class Shown(msgspec.Struct, Generic[R], frozen=True):
    """A message of the union.

    `late`: others that were sent after it were shown already. `doubtful`: the same was shown moments ago, and it may be
    the same emission.
    """

    item: R
    late: bool
    doubtful: bool


class _Waiting(msgspec.Struct, Generic[R], frozen=True):
    key: bytes
    at_ns: int
    item: R


class _Unit(Generic[R]):
    """Counts within the horizon how often each leg brought a message, and how often it was shown."""

    def __init__(self, leader: Leg) -> None:
        self.leader = leader
        self.leader_ns = self.heard_ns = 0  # when it, and when either leg, brought anything last
        self.waiting: deque[_Waiting[R]] = deque()
        self._brought: dict[Leg, Counter[bytes]] = {leg: Counter() for leg in LEGS}
        self._shown: Counter[bytes] = Counter()
        self._seen: deque[tuple[int, Leg, bytes]] = deque()

    def brings(self, leg: Leg, key: bytes, at_ns: int) -> bool:
        """Whether this message is more than was shown already."""
        while self._seen and self._seen[0][0] < at_ns - HORIZON_NS:
            _, earlier_leg, earlier = self._seen.popleft()
            self._brought[earlier_leg][earlier] -= 1
            if not any(counts[earlier] for counts in self._brought.values()):
                self._forget(earlier)
        self.heard_ns = at_ns
        self._brought[leg][key] += 1
        self._seen.append((at_ns, leg, key))
        return self._brought[leg][key] > self._shown[key]

    def _forget(self, key: bytes) -> None:
        del self._shown[key]
        for counts in self._brought.values():
            del counts[key]

    def show(self, key: bytes, item: R, *, late: bool) -> Shown[R]:
        self._shown[key] += 1
        return Shown(item, late, doubtful=self._shown[key] > 1)

    def is_new(self, waiting: _Waiting[R]) -> bool:
        """Whether the leader has not brought it since."""
        other = next(leg for leg in LEGS if leg != self.leader)
        return self._brought[other][waiting.key] > self._shown[waiting.key]


class LiveMerge(Generic[R]):
    """Takes the messages of both legs as they come. Times are of receipt, on one clock that does not step."""

    def __init__(self) -> None:
        self._units: dict[str, _Unit[R]] = {}

    def take(self, leg: Leg, unit: str, key: bytes, at_ns: int, item: R) -> Iterator[Shown[R]]:
        """What is to be shown now that this message has come."""
        known = self._units.get(unit)
        if known is None:
            known = self._units[unit] = _Unit(leg)
        is_new = known.brings(leg, key, at_ns)
        if leg == known.leader:
            known.leader_ns = at_ns
            if is_new:
                yield known.show(key, item, late=False)
        elif is_new:
            known.waiting.append(_Waiting(key, at_ns, item))
        yield from self._overdue(known, at_ns)

    def tick(self, now_ns: int) -> Iterator[Shown[R]]:
        """What has waited for long enough. Call a few times a second."""
        for name, unit in list(self._units.items()):
            yield from self._overdue(unit, now_ns)
            if not unit.waiting and now_ns - unit.heard_ns > _FORGET_NS:
                del self._units[name]

    def ended(self, leg: Leg, concerns: Callable[[str], bool]) -> Iterator[Shown[R]]:
        """A connection of a leg is over: the other leg leads the units that it concerns."""
        for name, unit in self._units.items():
            if unit.leader == leg and concerns(name):
                yield from self._change_leader(unit)

    def _overdue(self, unit: _Unit[R], now_ns: int) -> Iterator[Shown[R]]:
        while unit.waiting and now_ns - unit.waiting[0].at_ns >= STALL_NS:
            if unit.leader_ns < unit.waiting[0].at_ns:
                yield from self._change_leader(unit)
                return
            first = unit.waiting.popleft()
            if unit.is_new(first):
                yield unit.show(first.key, first.item, late=True)

    def _change_leader(self, unit: _Unit[R]) -> Iterator[Shown[R]]:
        waiting, unit.waiting = unit.waiting, deque()
        for each in waiting:
            if unit.is_new(each):
                yield unit.show(each.key, each.item, late=each.at_ns < unit.leader_ns)
            unit.leader_ns = max(unit.leader_ns, each.at_ns)
        unit.leader = next(leg for leg in LEGS if leg != unit.leader)
