"""Pairs the messages of two legs of a unit: equal, possible, and in one order on both."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from common.core.merging.anchors import longest_chain, unique_on_both
from common.core.merging.messages import LegMessage, possible
from common.core.merging.neighbours import may_be_one, sent_between
from common.core.merging.shortest_edit import first_fit, longest_common

Pair = tuple[int, int]
R = TypeVar("R")


class Alignment(Generic[R]):
    """The pairs of two runs of messages, by position, with what is in doubt.

    `classes_a` and `classes_b` number the messages by meaning (`equality.classes`). What must not be a pair does not
    match from the beginning: taken out afterwards it would have kept two messages from their true partners. `one_order`
    is whether the kinds are in one order on both legs, so that changes tell when their neighbours were sent.
    """

    def __init__(
        self,
        a: Sequence[LegMessage[R]],
        b: Sequence[LegMessage[R]],
        classes_a: Sequence[int],
        classes_b: Sequence[int],
        clock_error_ns: int,
        *,
        one_order: bool = True,
    ) -> None:
        self._a, self._b = a, b
        self._classes_a, self._classes_b = classes_a, classes_b
        self._clock_error_ns = clock_error_ns
        self._sent = (sent_between(a), sent_between(b)) if one_order else None
        self.too_different: list[tuple[range, range]] = []  # spots that were paired quickly instead of well

    def match(self, i: int, j: int) -> bool:
        """Whether the two may be one emission."""
        name = self._classes_a[i]
        return (
            name == self._classes_b[j]
            and name >= 0
            and (self._sent is None or may_be_one(self._sent[0][i], self._sent[1][j]))
            and possible(self._a[i], self._b[j], self._clock_error_ns)
        )

    def anchors(self, range_a: range, range_b: range) -> list[Pair]:
        """What is unique on both legs and possible, in a's order, whatever the order in b."""
        found = unique_on_both(self._classes_a, self._classes_b, range_a, range_b)
        return [(i, j) for i, j in found if self.match(i, j)]

    def pairs(self) -> list[Pair]:
        """All pairs, rising on both sides."""
        found: list[Pair] = []
        spots = [(range(len(self._a)), range(len(self._b)))]
        while spots:
            range_a, range_b = self._without_equal_ends(*spots.pop(), found)
            if not range_a or not range_b:
                continue
            chain = longest_chain(self.anchors(range_a, range_b))
            if chain:
                found += chain
                spots += _between(chain, range_a, range_b)
            else:
                found += self._without_anchors(range_a, range_b)
        found.sort()
        return found

    def unpaired_alike(self, pairs: Sequence[Pair]) -> list[tuple[list[int], list[int]]]:
        """The positions without a partner on both legs, class by class."""
        paired_a, paired_b = {i for i, _ in pairs}, {j for _, j in pairs}
        lone: dict[int, tuple[list[int], list[int]]] = {}
        for j, name in enumerate(self._classes_b):
            if name >= 0 and j not in paired_b:
                lone.setdefault(name, ([], []))[1].append(j)
        for i, name in enumerate(self._classes_a):
            if name in lone and i not in paired_a:
                lone[name][0].append(i)
        return [alike for alike in lone.values() if alike[0]]

    def _without_equal_ends(self, range_a: range, range_b: range, found: list[Pair]) -> tuple[range, range]:
        low_a, high_a, low_b, high_b = range_a.start, range_a.stop, range_b.start, range_b.stop
        while low_a < high_a and low_b < high_b and self.match(low_a, low_b):
            found.append((low_a, low_b))
            low_a, low_b = low_a + 1, low_b + 1
        while low_a < high_a and low_b < high_b and self.match(high_a - 1, high_b - 1):
            high_a, high_b = high_a - 1, high_b - 1
            found.append((high_a, high_b))
        return range(low_a, high_a), range(low_b, high_b)

    def _without_anchors(self, range_a: range, range_b: range) -> list[Pair]:
        """What one leg alone has is left out first: an outage of thousands of messages is not a difference then."""
        names = {self._classes_a[i] for i in range_a} & {self._classes_b[j] for j in range_b}
        names = {name for name in names if name >= 0}
        left_a = [i for i in range_a if self._classes_a[i] in names]
        left_b = [j for j in range_b if self._classes_b[j] in names]

        def match(x: int, y: int) -> bool:
            return self.match(left_a[x], left_b[y])

        whole_a, whole_b = range(len(left_a)), range(len(left_b))
        pairs = longest_common(whole_a, whole_b, match)
        if pairs is None:
            self.too_different.append((range_a, range_b))
            pairs = first_fit(whole_a, whole_b, match)
        return [(left_a[x], left_b[y]) for x, y in pairs]


def _between(chain: Sequence[Pair], range_a: range, range_b: range) -> list[tuple[range, range]]:
    spots = []
    low_a, low_b = range_a.start, range_b.start
    for i, j in (*chain, (range_a.stop, range_b.stop)):
        if low_a < i and low_b < j:
            spots.append((range(low_a, i), range(low_b, j)))
        low_a, low_b = i + 1, j + 1
    return spots
