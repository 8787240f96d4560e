"""A process that itself stood still blames nobody: when it goes on, every deadline of others has passed."""

LIMIT_NS = 5_000_000_000


class OwnPause:
    """Notices that this process was stopped, as by SIGSTOP or a frozen container. Times are monotonic nanoseconds."""

    def __init__(self, limit_ns: int = LIMIT_NS) -> None:
        """`limit_ns` is more than ever lies between two calls of a process that runs."""
        self._limit_ns = limit_ns
        self._seen_ns: int | None = None

    def slept_ns(self, now_ns: int) -> int:
        """How long it stood still since the last call; 0 where no longer than the limit lies between."""
        before, self._seen_ns = self._seen_ns, now_ns
        slept_ns = 0 if before is None else now_ns - before
        return slept_ns if slept_ns > self._limit_ns else 0
