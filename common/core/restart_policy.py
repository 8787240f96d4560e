"""When a process that ended unasked is started again, and when it counts as flapping."""

from collections.abc import Callable

from common.core.backoff import Backoff

NS = 1_000_000_000
FLAPPING_AFTER = 5  # unhealthy lives in a row


class RestartPolicy:
    """Waits longer after each death in a row; a life of at least `healthy_s` starts over. Never gives up."""

    def __init__(
        self, *, first_s: float, longest_s: float, healthy_s: float, chance: Callable[[], float]
    ) -> None:
        self._backoff = Backoff(first_s=first_s, longest_s=longest_s, chance=chance)
        self._healthy_ns = int(healthy_s * NS)
        self._unhealthy_in_a_row = 0
        self.restarts = 0

    def restart_at_ns(self, *, started_ns: int, ended_ns: int) -> int:
        """The monotonic time at which to start the process again. Counts one restart."""
        if self._lived_long(started_ns, ended_ns):
            self._backoff.reset()
            self._unhealthy_in_a_row = 0
        self._unhealthy_in_a_row += 1
        self.restarts += 1
        return ended_ns + int(self._backoff.next_wait_s() * NS)

    def is_flapping(self, *, started_ns: int, now_ns: int) -> bool:
        """Whether it died too often in a row and its present life is not long enough to forget that."""
        return self._unhealthy_in_a_row >= FLAPPING_AFTER and not self._lived_long(started_ns, now_ns)

    def _lived_long(self, started_ns: int, until_ns: int) -> bool:
        return until_ns - started_ns >= self._healthy_ns
