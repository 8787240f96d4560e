"""The longest common subsequence of two sequences, in time that grows with their differences (Myers, 1986)."""

from collections.abc import Callable

MAX_EDITS = 400  # beyond that many differences a spot costs more than its exactness is worth

Match = Callable[[int, int], bool]
_Reach = dict[int, int]  # on each diagonal (position in a less position in b) the furthest position in a


def longest_common(a: range, b: range, match: Match) -> list[tuple[int, int]] | None:
    """Pairs of positions, rising on both sides, as many as there can be; None beyond MAX_EDITS differences.

    `match` need not be an equality: any set of pairs that are allowed will do.
    """
    reach: _Reach = {1: 0}
    trace: list[_Reach] = []
    for edits in range(min(len(a) + len(b), MAX_EDITS) + 1):
        trace.append(reach)
        reach = dict(reach)
        for diagonal in range(-edits, edits + 1, 2):
            before = _came_from(reach, diagonal, edits)
            x = reach[before] + (before < diagonal)
            while x < len(a) and x - diagonal < len(b) and match(a[x], b[x - diagonal]):
                x += 1
            reach[diagonal] = x
            if diagonal == len(a) - len(b) and x >= len(a):
                return _way_back(trace, a, b)
    return None


def first_fit(a: range, b: range, match: Match) -> list[tuple[int, int]]:
    """Pairs that rise on both sides, each the nearest partner after the pair before: quick, not always the most."""
    pairs = []
    low = b.start
    for i in a:
        partner = next((j for j in range(low, min(low + MAX_EDITS, b.stop)) if match(i, j)), None)
        if partner is not None:
            pairs.append((i, partner))
            low = partner + 1
    return pairs


def _came_from(reach: _Reach, diagonal: int, edits: int) -> int:
    """The diagonal of one difference less: above by a message that only b has, below by one that only a has."""
    if diagonal == -edits:
        return diagonal + 1
    if diagonal == edits:
        return diagonal - 1
    return diagonal + 1 if reach[diagonal - 1] < reach[diagonal + 1] else diagonal - 1


def _way_back(trace: list[_Reach], a: range, b: range) -> list[tuple[int, int]]:
    x, diagonal = len(a), len(a) - len(b)
    pairs: list[tuple[int, int]] = []
    for edits in range(len(trace) - 1, -1, -1):
        reach = trace[edits]
        before = _came_from(reach, diagonal, edits)
        start = reach[before] + (before < diagonal)
        pairs.extend((a[position], b[position - diagonal]) for position in range(x - 1, start - 1, -1))
        x, diagonal = reach[before], before
    pairs.reverse()
    return pairs
