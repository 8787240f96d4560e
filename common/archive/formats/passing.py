"""Rows with a word at instants: before the first row that was received at one, or after it, is taken."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from common.archive.legs import MergedRows
from common.core.rows.reading import Row

T = TypeVar("T")


def with_passing(
    rows: Iterator[Row], instants: Sequence[int], passed: Callable[[int], None]
) -> Iterator[Row]:
    """The same rows. `passed` hears of each instant, which come in order: the last ones when the rows have ended."""
    if isinstance(rows, MergedRows):
        return MergedRows(_passing(rows.entries, lambda entry: entry.row.received_at_ns, instants, passed))
    return _passing(rows, lambda row: row.received_at_ns, instants, passed)


def _passing(
    items: Iterable[T],
    received_ns: Callable[[T], int],
    instants: Sequence[int],
    passed: Callable[[int], None],
) -> Iterator[T]:
    done = 0
    for item in items:
        while done < len(instants) and received_ns(item) >= instants[done]:
            passed(instants[done])
            done += 1
        yield item
    for instant in instants[done:]:
        passed(instant)
