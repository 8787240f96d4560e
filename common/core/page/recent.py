"""What the page remembers of the last quarter of an hour, whether or not anybody looks: a bounded ring of figures."""

from collections import deque
from collections.abc import Mapping
from itertools import pairwise

import msgspec

from common.core.instants import NS_PER_SECOND

SAMPLE_NS = 5 * NS_PER_SECOND
KEPT_NS = 900 * NS_PER_SECOND
MOST_SAMPLES = KEPT_NS // SAMPLE_NS + 1


class Figures(msgspec.Struct, frozen=True):
    """The moving figures of one look. `messages` counts by leg, `waiting` rows that are not durable yet."""

    at_ns: int
    messages: Mapping[str, int]
    waiting: int
    cpu_seconds: Mapping[int, float]


class Recent:
    """Samples, the oldest first; each at least SAMPLE_NS after the one before. Times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self._samples: deque[Figures] = deque(maxlen=MOST_SAMPLES)

    def wants(self, now_ns: int) -> bool:
        """Whether it is time for the next sample."""
        return not self._samples or now_ns - self._samples[-1].at_ns >= SAMPLE_NS

    def note(self, figures: Figures) -> None:
        """Take a sample; the oldest one makes room."""
        if self.wants(figures.at_ns):
            self._samples.append(figures)

    def rates(self) -> dict[str, list[float | None]]:
        """Messages a second by leg, one figure for each pair of neighbouring samples."""
        legs = sorted({leg for sample in self._samples for leg in sample.messages})
        return {leg: [_rate(before, after, leg) for before, after in pairwise(self._samples)] for leg in legs}

    def waiting(self) -> list[int]:
        """Rows that were not durable, at the end of each pair."""
        return [sample.waiting for sample in list(self._samples)[1:]]

    def ages_s(self, now_ns: int) -> list[float]:
        """How long ago each pair ended."""
        return [round((now_ns - sample.at_ns) / NS_PER_SECOND, 1) for sample in list(self._samples)[1:]]

    def cpu_share(self, pid: int) -> float | None:
        """The part of one processor that a process used between the two newest samples, None if not known."""
        if len(self._samples) < 2:
            return None
        before, after = self._samples[-2], self._samples[-1]
        if pid not in before.cpu_seconds or pid not in after.cpu_seconds:
            return None
        used_s = max(after.cpu_seconds[pid] - before.cpu_seconds[pid], 0.0)
        return round(used_s * NS_PER_SECOND / (after.at_ns - before.at_ns), 3)


def _rate(before: Figures, after: Figures, leg: str) -> float | None:
    if leg not in before.messages or leg not in after.messages:
        return None
    more = max(after.messages[leg] - before.messages[leg], 0)
    return round(more * NS_PER_SECOND / (after.at_ns - before.at_ns), 1)
