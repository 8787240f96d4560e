"""Receive times of one host that do not step when its wall clock does."""

_STEP_NS = (
    500_000_000  # what a wall clock gains or loses at once against the monotonic clock; slewing is far slower
)
_SLACK_NS = 1_000_000_000


class HostClock:
    """Of one recording. From a wall time that is trusted on it is the monotonic clock that counts.

    So both legs of a host stay on one scale, and a session is on the scale on which it was opened.
    """

    def __init__(self) -> None:
        self._ahead_ns: int | None = None  # the trusted wall clock before the monotonic one
        self._latest_ns = self._latest_monotonic_ns = 0

    def time_ns(self, received_ns: int, monotonic_ns: int, *, is_sure: bool = False) -> int:
        """The receive time of the next row; as it stands where the row has no monotonic time.

        `is_sure` where the host says with it how far its wall clock may be off.
        """
        if not monotonic_ns:
            return received_ns
        ahead_ns = received_ns - monotonic_ns
        slewed = self._ahead_ns is None or abs(ahead_ns - self._ahead_ns) <= _STEP_NS
        if self._ahead_ns is None or slewed or is_sure or self._booted(ahead_ns, monotonic_ns):
            self._ahead_ns = ahead_ns
        time_ns = monotonic_ns + self._ahead_ns
        self._latest_ns = max(self._latest_ns, time_ns)
        self._latest_monotonic_ns = monotonic_ns
        return time_ns

    def _booted(self, at_ns: int, monotonic_ns: int) -> bool:
        """Whether the machine was started again: then its monotonic clock began after all that was received before."""
        return monotonic_ns < self._latest_monotonic_ns and at_ns >= self._latest_ns - _SLACK_NS
