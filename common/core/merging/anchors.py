"""Anchors: messages that occur exactly once on both legs, as many of them as come in one order."""

from bisect import bisect_left
from collections.abc import Sequence


def unique_on_both(
    a: Sequence[int], b: Sequence[int], range_a: range, range_b: range
) -> list[tuple[int, int]]:
    """The positions of classes that occur once in each range, by their position in a. Negative classes are none."""
    once_a, once_b = _once(a, range_a), _once(b, range_b)
    return [(i, once_b[name]) for name, i in once_a.items() if name in once_b]


def longest_chain(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs that rises on both sides; pairs come by their first position."""
    ends: list[int] = []  # the smallest second position in which a chain of that length ends
    last: list[int] = []  # the pair that does
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(j)
            last.append(index)
        else:
            ends[length], last[length] = j, index
    chain = []
    index = last[-1] if last else -1
    while index >= 0:
        chain.append(pairs[index])
        index = before[index]
    chain.reverse()
    return chain


def _once(classes: Sequence[int], within: range) -> dict[int, int]:
    places: dict[int, int] = {}
    repeated: set[int] = set()
    for position in within:
        name = classes[position]
        if name in places:
            repeated.add(name)
        elif name >= 0:
            places[name] = position
    for name in repeated:
        del places[name]
    return places
