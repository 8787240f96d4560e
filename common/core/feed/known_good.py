"""Up to when a session is known to have missed nothing: where a gap begins if the session ends now.

Market data tells that, and so does a checkpoint that agrees with the rebuilt books after it. A keepalive does not:
frozen connections answer it.
"""

from common.core.clock_step import on_new_clock

PONGS = 3  # the first two may answer pings that were sent before the pause


class KnownGood:
    """One session; all times are wall time in nanoseconds.

    After a pause of this process what arrives may have waited in the kernel: it tells nothing of now until the
    exchange has answered a ping that was sent after it. Answers queue behind data, so nothing is missing then.
    """

    def __init__(self, opened_ns: int) -> None:
        self._until_ns = self._marked_ns = opened_ns
        self._held_ns: int | None = None
        self._pongs = 0

    @property
    def until_ns(self) -> int:
        """Everything up to this instant was received."""
        return self._until_ns if self._held_ns is None else self._held_ns

    @property
    def is_held(self) -> bool:
        """Whether there was a pause, and no proof since that the connection outlived it."""
        return self._held_ns is not None

    def data(self, at_ns: int) -> None:
        """Market data came."""
        self._until_ns = at_ns

    def confirmed(self, at_ns: int) -> bool:
        """The exchange's books were the rebuilt ones at this instant; whether that is news."""
        if self.is_held or at_ns <= self._until_ns:
            return False
        self._until_ns = at_ns
        return True

    def clock_set(self, step_ns: int, now_ns: int) -> None:
        """The wall clock was set by so much, up to now."""
        self._until_ns = on_new_clock(self._until_ns, step_ns, now_ns)
        self._marked_ns = on_new_clock(self._marked_ns, step_ns, now_ns)
        if self._held_ns is not None:
            self._held_ns = on_new_clock(self._held_ns, step_ns, now_ns)

    def mark(self) -> None:
        """This process runs: what came until now did not wait for it."""
        self._marked_ns = self._until_ns

    def paused(self) -> None:
        """This process was stopped after the last mark, until now."""
        self._held_ns = self._marked_ns if self._held_ns is None else self._held_ns
        self._pongs = 0

    def pongs(self, count: int) -> None:
        """The exchange answered so many pings."""
        self._pongs += count
        if self._pongs >= PONGS:
            self._held_ns = None
