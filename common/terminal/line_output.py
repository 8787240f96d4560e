"""Lines to stdout for a command that must end when told to, even if nobody reads what it writes."""

import os
import select
import sys

from common.runtime.stop_signals import StopSignals

_PIECE_BYTES = 4096  # PIPE_BUF: a pipe that is ready takes so much at once
_LOOK_S = 0.1


class Ended(Exception):
    """Told to end while nobody read the output."""


class LineOutput:
    """Writes whole lines, unbuffered, waiting for the reader but not beyond a signal."""

    def __init__(self, signals: StopSignals) -> None:
        self._signals = signals
        self._descriptor = sys.stdout.fileno()

    def write(self, lines: bytes) -> None:
        """Write all of it. Raises Ended, or BrokenPipeError when the reader has left."""
        rest = memoryview(lines)
        while rest:
            _, ready, _ = select.select([], [self._descriptor], [], _LOOK_S)
            if ready:
                rest = rest[os.write(self._descriptor, rest[:_PIECE_BYTES]) :]
            elif self._signals.count:
                raise Ended
