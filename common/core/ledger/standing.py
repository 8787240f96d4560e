"""When the books of one leg were proved right, and when wrong: what the losses of the other leg are held against."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from common.core.audit.results import Result
from common.core.number_runs import Run, common, count, joined, without

_NS_PER_MS = 1_000_000


class BookStanding:
    """Takes results in the order in which they were judged. Keeps a run for each time that a book was found wrong."""

    def __init__(self) -> None:
        self._proved: defaultdict[str, list[Run]] = defaultdict(list)
        self._open: dict[str, Run] = {}
        self._wrong: defaultdict[str, list[Run]] = defaultdict(list)

    def take(self, result: Result) -> None:
        """A check agreed, which proves all since the agreement before it, or did not."""
        token_id, at_ns = result.token_id, result.timestamp_ms * _NS_PER_MS
        if result.wrong_ms:
            self._wrong[token_id].append((at_ns, at_ns + result.wrong_ms * _NS_PER_MS - 1))
        if result.verdict == "divergence" or result.wrong_ms:
            if token_id in self._open:
                self._proved[token_id].append(self._open.pop(token_id))
        elif result.verdict in {"agree", "agree_late"} and result.check != "best":
            first, last = self._open.get(token_id, (at_ns, at_ns))
            self._open[token_id] = (min(first, at_ns), max(last, at_ns))

    def proved(self, token_id: str) -> list[Run]:
        """The exchange's time in which its book was right, as far as checks say."""
        running = [self._open[token_id]] if token_id in self._open else []
        return joined([*self._proved.get(token_id, ()), *running])

    def wrong(self, token_id: str) -> list[Run]:
        """The exchange's time in which its book was wrong."""
        return joined(self._wrong.get(token_id, ()))


def unhealed(times_ms: Collection[int], proved: Sequence[Run]) -> int:
    """How many divergences of one leg lie outside the time in which the other one's book is proved."""
    return sum(not any(first <= at_ms * _NS_PER_MS <= last for first, last in proved) for at_ms in times_ms)


def wrong_seconds(
    a: BookStanding, b: BookStanding, token_id: str, sound_a: Sequence[Run], sound_b: Sequence[Run]
) -> float:
    """For how long a book was wrong on one leg while nothing proves that of the other one right."""
    left = [*without(a.wrong(token_id), sound_b), *without(b.wrong(token_id), sound_a)]
    return round(count(joined(left)) / 1e9, 3)


def sound(standing: BookStanding, token_id: str, covered: Sequence[Run]) -> list[Run]:
    """When a leg's book was proved and nothing of it was missing."""
    return common(standing.proved(token_id), covered)
