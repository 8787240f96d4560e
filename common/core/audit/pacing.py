"""When a follower of the live queue lets go of what it cannot keep up with, and for how long it then rests.

Dropping single batches would spoil everything that follows, for no less work. So a follower that is too late drops
all that waits, and one that is too late again soon rests in between, longer each time. One that keeps up at too
high a price rests as well: the recording needs the processor more.
"""

LIMIT_NS = 5_000_000_000
CALM_NS = 60_000_000_000  # who kept up for so long has time again
SHORTEST_NS = 2_000_000_000
LONGEST_NS = 60_000_000_000
CPU_SHARE = 0.08  # of one processor, in the long run
CREDIT_NS = 150_000_000  # of processor time, that a burst may take at once


class Breather:
    """Times are of one monotonic clock, in nanoseconds."""

    def __init__(self) -> None:
        self._rest_ns = 0
        self._until_ns: int | None = None  # of the present rest, or of the last one
        self._credit_ns = float(CREDIT_NS)
        self._counted: tuple[int, int] | None = None
        self.resting = False

    @property
    def rest_s(self) -> float:
        """How long the present rest is, or the last one was; 0 when what waited was only dropped."""
        return self._rest_ns / 1e9

    def lets_go(self, received_ns: int) -> bool:
        """Whether what was received then was let go of: some of it is still on its way when a rest is over."""
        return self._until_ns is not None and received_ns < self._until_ns

    def is_late(self, heard_ns: int, now_ns: int) -> bool:
        """What was received then is heard only now: whether that is too late, and a rest begins."""
        if now_ns - heard_ns <= LIMIT_NS:
            return False
        calm = self._until_ns is None or now_ns - self._until_ns > CALM_NS
        self._begin_rest(0 if calm else min(max(self._rest_ns * 2, SHORTEST_NS), LONGEST_NS), now_ns)
        return True

    def is_spent(self, cpu_ns: int, now_ns: int) -> bool:
        """Whether the processor time taken up to now was too much, and a rest begins that makes up for it."""
        counted_cpu_ns, counted_ns = self._counted or (cpu_ns, now_ns)
        self._counted = (cpu_ns, now_ns)
        credit_ns = self._credit_ns + (now_ns - counted_ns) * CPU_SHARE - (cpu_ns - counted_cpu_ns)
        self._credit_ns = min(credit_ns, CREDIT_NS)
        if self._credit_ns >= 0:
            return False
        self._begin_rest(round((CREDIT_NS - self._credit_ns) / CPU_SHARE), now_ns)
        return True

    def _begin_rest(self, rest_ns: int, now_ns: int) -> None:
        self._rest_ns = rest_ns
        self._until_ns = now_ns + rest_ns
        self.resting = True

    @property
    def is_scarce(self) -> bool:
        """Whether so much of the processor time is used up that it is time to do less."""
        return self._credit_ns < CREDIT_NS / 2

    def is_over(self, now_ns: int) -> bool:
        """Whether a rest ends here."""
        if not self.resting or self._until_ns is None or now_ns < self._until_ns:
            return False
        self.resting = False
        return True
