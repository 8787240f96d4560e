"""SIGTERM and SIGINT, counted: the first asks for a drain, the second for haste."""

import signal
from types import FrameType


class StopSignals:
    """Takes both signals for the rest of the process's life."""

    def __init__(self) -> None:
        self.count = 0
        signal.signal(signal.SIGTERM, self._count)
        signal.signal(signal.SIGINT, self._count)

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
