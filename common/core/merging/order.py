"""The order of the union: pairs once, and between two pairs what only one leg has, by what is known of its sending."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from common.core.merging.messages import LegMessage

_MS_NS = 1_000_000
_FUTURE_MS = (
    600_000  # an exchange time that far ahead of the receipt is a mistake, and would hide all later ones
)
R = TypeVar("R")
Place = tuple[int | None, int | None]  # positions in a and in b


class Known(msgspec.Struct):
    """What earlier messages of a unit tell about the order: each leg's latest exchange time, the last pair's skew."""

    latest_a_ms: int = 0
    latest_b_ms: int = 0
    skew_ns: int = 0

    def note(self, a: LegMessage[R] | None, b: LegMessage[R] | None) -> None:
        """The next message of the union."""
        if a is not None:
            self.latest_a_ms = later(self.latest_a_ms, a)
        if b is not None:
            self.latest_b_ms = later(self.latest_b_ms, b)
        if a is not None and b is not None:
            self.skew_ns = b.at_ns - a.at_ns


class Order(Generic[R]):
    """Orders two runs of messages of a unit. `known` is told of every message."""

    def __init__(
        self, a: Sequence[LegMessage[R]], b: Sequence[LegMessage[R]], known: Known, clock_error_ns: int
    ) -> None:
        self._a, self._b, self._known = a, b, known
        self._clock_error_ns = clock_error_ns

    def places(self, pairs: Sequence[tuple[int, int]]) -> list[Place]:
        """Every message of both runs once. `pairs` rise on both sides."""
        places: list[Place] = []
        low_a = low_b = 0
        for i, j in pairs:
            self._unpaired(range(low_a, i), range(low_b, j), places)
            self._known.note(self._a[i], self._b[j])
            places.append((i, j))
            low_a, low_b = i + 1, j + 1
        self._unpaired(range(low_a, len(self._a)), range(low_b, len(self._b)), places)
        return places

    def _unpaired(self, run_a: range, run_b: range, places: list[Place]) -> None:
        i, j = run_a.start, run_b.start
        while i < run_a.stop or j < run_b.stop:
            if j == run_b.stop or (i < run_a.stop and self._a_is_first(self._a[i], self._b[j])):
                self._known.note(self._a[i], None)
                places.append((i, None))
                i += 1
            else:
                self._known.note(None, self._b[j])
                places.append((None, j))
                j += 1

    def _a_is_first(self, a: LegMessage[R], b: LegMessage[R]) -> bool:
        """By the first rule that decides."""
        error_ns = self._clock_error_ns + a.clock_error_ns + b.clock_error_ns
        if b.opened_ns > a.received_ns + error_ns:
            return True
        if a.opened_ns > b.received_ns + error_ns:
            return False
        latest_a, latest_b = later(self._known.latest_a_ms, a), later(self._known.latest_b_ms, b)
        if latest_a != latest_b:
            return latest_a < latest_b
        if (not a.key) != (
            not b.key
        ):  # a book that a connection opens with holds the changes of the same time
            return not b.key
        return a.at_ns <= b.at_ns - self._known.skew_ns


def later(latest_ms: int, message: LegMessage[R]) -> int:
    """The latest exchange time of a leg after one more message: late repeats bear old times and change nothing."""
    stated_ms = message.exchange_ms
    if stated_ms <= latest_ms or stated_ms > message.received_ns // _MS_NS + _FUTURE_MS:
        return latest_ms
    return stated_ms
