"""The merge of one unit (a market, with all its messages of every kind) as its messages come."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from typing import Generic, TypeVar

import msgspec

from common.core.instants import NS_PER_SECOND
from common.core.merging.alignment import Alignment, Pair
from common.core.merging.anchors import longest_chain
from common.core.merging.equality import classes
from common.core.merging.messages import HORIZON_NS, Counts, LegMessage, Merged
from common.core.merging.order import Known, Order, Place

STRETCH_NS = (
    60 * NS_PER_SECOND
)  # the merge is settled once in so long: memory holds that much, and two horizons
# A message has its partner within a horizon, and that one all that could be its partner in another.
SETTLED_AFTER_NS = 2 * HORIZON_NS + 2 * NS_PER_SECOND
_CROSSINGS = 3  # so many messages that overtake those of another kind are not an accident
_CROSSING_SHARE = 0.01
_PARTNERS = 50  # so many possible partners are looked at before a message is taken for undoubted
R = TypeVar("R")
_Placed = tuple[int, str, Place, bool]  # at_ns, kind (empty if all are one), place, doubtful


class UnitMerge(Generic[R]):
    """Takes each leg's messages in the order of their receipt, and gives the union in the order of sending."""

    def __init__(self, clock_error_ns: int = 0) -> None:
        self.counts = Counts()
        self.by_kind = (
            False  # the legs have the kinds in different orders, so that each kind is merged by itself
        )
        self._clock_error_ns = clock_error_ns
        self._a: list[LegMessage[R]] = []
        self._b: list[LegMessage[R]] = []
        self._known: dict[str, Known] = {}

    @property
    def waiting(self) -> int:
        """How many messages are not settled yet."""
        return len(self._a) + len(self._b)

    def take_a(self, message: LegMessage[R]) -> None:
        """The next message of leg a."""
        self._a.append(message)

    def take_b(self, message: LegMessage[R]) -> None:
        """The next message of leg b."""
        self._b.append(message)

    def settle(self, seen_until_ns: int) -> list[Merged[R]]:
        """What no later message can change, if both legs' messages have been given up to this instant (`at_ns`)."""
        return self._take_out(seen_until_ns - SETTLED_AFTER_NS - self._clock_error_ns)

    def finish(self) -> list[Merged[R]]:
        """All that is left: no more will come."""
        return self._take_out(None)

    def _take_out(self, until_ns: int | None) -> list[Merged[R]]:
        if not self.waiting:
            return []
        names_a, names_b = classes([m.key for m in self._a], [m.key for m in self._b])
        whole = Alignment(self._a, self._b, names_a, names_b, self._clock_error_ns, one_order=False)
        anchors = whole.anchors(range(len(self._a)), range(len(self._b)))
        in_order = self._in_order(anchors)
        merged: list[Merged[R]] = []
        gone_a: set[int] = set()
        gone_b: set[int] = set()
        for at_ns, kind, (i, j), doubtful in self._placed(names_a, names_b):
            if until_ns is not None and at_ns > until_ns:
                break
            merged.append(self._emit(at_ns, kind, i, j, doubtful=doubtful))
            gone_a.add(-1 if i is None else i)
            gone_b.add(-1 if j is None else j)
        self.counts.anchors += sum(i in gone_a for i, _ in anchors)
        self.counts.anchors_in_order += sum(i in gone_a for i, _ in in_order)
        self._a = [message for i, message in enumerate(self._a) if i not in gone_a]
        self._b = [message for j, message in enumerate(self._b) if j not in gone_b]
        return merged

    def _in_order(self, anchors: Sequence[Pair]) -> Sequence[Pair]:
        """The anchors that are in one order; where whole kinds are not, the merge goes on kind by kind."""
        chain = longest_chain(anchors)
        crossing = len(anchors) - len(chain)
        if not self.by_kind and crossing >= max(_CROSSINGS, len(anchors) * _CROSSING_SHARE):
            kinds: dict[str, list[Pair]] = {}
            for i, j in anchors:
                kinds.setdefault(self._a[i].kind, []).append((i, j))
            within = sum(len(longest_chain(of_kind)) for of_kind in kinds.values())
            self.by_kind = within - len(chain) >= max(_CROSSINGS, len(anchors) * _CROSSING_SHARE)
        return chain

    def _placed(self, names_a: Sequence[int], names_b: Sequence[int]) -> Iterator[_Placed]:
        if not self.by_kind:
            return self._of_kind("", range(len(self._a)), range(len(self._b)), names_a, names_b)
        kinds = sorted({message.kind for message in (*self._a, *self._b)})
        return merge(
            *(
                self._of_kind(
                    kind,
                    [i for i, message in enumerate(self._a) if message.kind == kind],
                    [j for j, message in enumerate(self._b) if message.kind == kind],
                    names_a,
                    names_b,
                )
                for kind in kinds
            ),
            key=lambda placed: placed[:2],
        )

    def _of_kind(
        self,
        kind: str,
        some_a: Sequence[int],
        some_b: Sequence[int],
        names_a: Sequence[int],
        names_b: Sequence[int],
    ) -> Iterator[_Placed]:
        a, b = [self._a[i] for i in some_a], [self._b[j] for j in some_b]
        alignment = Alignment(
            a, b, [names_a[i] for i in some_a], [names_b[j] for j in some_b], self._clock_error_ns
        )
        pairs = alignment.pairs()
        in_doubt_a, in_doubt_b = _in_doubt(alignment, pairs)
        known = msgspec.structs.replace(self._known.get(kind, Known()))
        at_ns = 0
        for i, j in Order(a, b, known, self._clock_error_ns).places(pairs):
            receipts = (() if i is None else (a[i].at_ns,)) + (() if j is None else (b[j].at_ns,))
            at_ns = max(at_ns, min(receipts))
            place = None if i is None else some_a[i], None if j is None else some_b[j]
            yield at_ns, kind, place, i in in_doubt_a or j in in_doubt_b

    def _emit(self, at_ns: int, kind: str, i: int | None, j: int | None, *, doubtful: bool) -> Merged[R]:
        a = None if i is None else self._a[i]
        b = None if j is None else self._b[j]
        self._known.setdefault(kind, Known()).note(a, b)
        self.counts.both += a is not None and b is not None
        self.counts.only_a += b is None
        self.counts.only_b += a is None
        self.counts.doubtful += doubtful
        return Merged(None if a is None else a.reference, None if b is None else b.reference, doubtful, at_ns)


def merge_unit(
    a: Iterable[LegMessage[R]], b: Iterable[LegMessage[R]], *, clock_error_ns: int = 0
) -> Iterator[Merged[R]]:
    """The union of two legs of one unit, in the order of sending. Holds no more than some stretches in memory."""
    unit: UnitMerge[R] = UnitMerge(clock_error_ns)
    stretch = 0
    for message, take in merge(
        ((message, unit.take_a) for message in a),
        ((message, unit.take_b) for message in b),
        key=lambda coming: coming[0].at_ns,
    ):
        if message.at_ns // STRETCH_NS > stretch:
            stretch = message.at_ns // STRETCH_NS
            yield from unit.settle(message.at_ns)
        take(message)
    yield from unit.finish()


def _in_doubt(alignment: Alignment[R], pairs: Sequence[Pair]) -> tuple[set[int], set[int]]:
    """What has no partner although the other leg has a message that might be it, and what was paired in haste."""
    doubt_a: set[int] = set()
    doubt_b: set[int] = set()
    for spot_a, spot_b in alignment.too_different:
        doubt_a.update(spot_a)
        doubt_b.update(spot_b)
    for lone_a, lone_b in alignment.unpaired_alike(pairs):
        doubt_a.update(i for i in lone_a if any(alignment.match(i, j) for j in lone_b[:_PARTNERS]))
        doubt_b.update(j for j in lone_b if any(alignment.match(i, j) for i in lone_a[:_PARTNERS]))
    return doubt_a, doubt_b
