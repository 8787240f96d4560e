"""Sets of sequence numbers, kept as runs: small where the numbers are dense, whatever their count."""

from collections.abc import Iterable, Sequence

Run = tuple[int, int]  # first and last number, both included


class NumberRuns:
    """Takes numbers in the order of the rows of one archive."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._late: list[Run] = []
        self._first = 0
        self._last = 0

    @property
    def highest(self) -> int:
        """The highest number so far, 0 before the first."""
        return self._last

    def add(self, number: int) -> bool:
        """Take a number, from 1. False if it is not higher than all before it."""
        if number == self._last + 1 and self._first:
            self._last = number
            return True
        if number <= self._last:
            self._late.append((number, number))
            return False
        if self._first:
            self._runs.append((self._first, self._last))
        self._first = self._last = number
        return True

    def runs(self) -> list[Run]:
        """The numbers as ascending runs that do not touch each other."""
        newest = [(self._first, self._last)] if self._first else []
        return joined([*self._runs, *newest, *self._late])


def joined(runs: Iterable[Run]) -> list[Run]:
    """The union of runs, ascending; runs that overlap or touch become one."""
    found: list[Run] = []
    for first, last in sorted(runs):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def overlaps(runs: Iterable[Run]) -> list[Run]:
    """The numbers that are in more than one of the runs."""
    found: list[Run] = []
    highest = 0
    for first, last in sorted(runs):
        if first <= highest:
            found.append((first, min(last, highest)))
        highest = max(highest, last)
    return joined(found)


def without(runs: Iterable[Run], taken: Sequence[Run]) -> list[Run]:
    """The numbers of `runs` that are not in `taken`, which is ascending and does not overlap."""
    left: list[Run] = []
    at = 0
    for first, last in joined(runs):
        while at < len(taken) and taken[at][1] < first:
            at += 1
        begin, index = first, at
        while index < len(taken) and taken[index][0] <= last:
            if taken[index][0] > begin:
                left.append((begin, taken[index][0] - 1))
            begin = taken[index][1] + 1
            index += 1
        if begin <= last:
            left.append((begin, last))
    return left


def common(one: Iterable[Run], other: Iterable[Run]) -> list[Run]:
    """The numbers that are in both."""
    runs = joined(one)
    return without(runs, without(runs, joined(other)))


def count(runs: Iterable[Run]) -> int:
    """How many numbers the runs hold, which must not overlap."""
    return sum(last - first + 1 for first, last in runs)


def in_words(runs: Sequence[Run], *, at_most: int = 3) -> str:
    """`5, 9 to 12 and 2 more stretches`."""
    shown = [str(first) if first == last else f"{first} to {last}" for first, last in runs[:at_most]]
    more = len(runs) - len(shown)
    return ", ".join(shown) + (f" and {more} more stretches" if more else "")
