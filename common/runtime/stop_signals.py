"""SIGTERM and SIGINT, counted: the first asks for a drain, the second for haste. A hangup asks for a drain at most."""

import os
import signal
from types import FrameType

_STANDARD_STREAMS = (0, 1, 2)


class StopSignals:
    """Takes these signals for the rest of the process's life.

    SIGHUP means at a terminal that the terminal is gone: it counts once, however often it comes. A service has none,
    and what is sent to it to reload, or after a rotation of logs, must not end a recording. `nohup` is heeded.
    """

    def __init__(self) -> None:
        self._asked = 0
        self._hung_up = False
        signal.signal(signal.SIGTERM, self._count)
        signal.signal(signal.SIGINT, self._count)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            at_terminal = any(map(os.isatty, _STANDARD_STREAMS))
            signal.signal(signal.SIGHUP, self._hang_up if at_terminal else signal.SIG_IGN)

    @property
    def count(self) -> int:
        """How often it was asked to stop."""
        return self._asked + self._hung_up

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1

    def _hang_up(self, _number: int, _frame: FrameType | None) -> None:
        self._hung_up = True
