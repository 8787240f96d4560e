"""How long to wait before the next try."""

from collections.abc import Callable


class Backoff:
    """Doubling waits with jitter, between a first and a longest; a success starts over.

    `chance` gives numbers from 0 up to 1, evenly spread.
    """

    def __init__(self, *, first_s: float, longest_s: float, chance: Callable[[], float]) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self._failures = 0

    def next_wait_s(self, *, at_least_s: float = 0.0) -> float:
        """Count a failure and return the wait in seconds: half of the current step up to all of it.

        Where the other side asked for a longer one it is that, and up to a tenth more, so that many who were
        told the same do not come back together.
        """
        step: float = min(self._longest_s, self._first_s * 2 ** min(self._failures, 60))
        self._failures += 1
        chance = self._chance()
        return max(step * (0.5 + chance / 2), at_least_s * (1 + chance / 10))

    def reset(self) -> None:
        """Begin again with the first wait."""
        self._failures = 0
