"""One deadline for all steps of a dial: a time-out of a socket is for a single call, and starts over with each byte."""

import socket
import time


class Deadline:
    """Begins to run when it is made. `seconds` is the whole of it, for messages."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends_at = time.monotonic() + seconds

    def left_s(self) -> float:
        """What is left, above 0. Raises TimeoutError when nothing is."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"it took longer than {self.seconds:g} s")
        return left

    def bound(self, sock: socket.socket, *, at_most_s: float | None = None) -> None:
        """Let the next call on this socket take no longer than what is left. Raises TimeoutError."""
        left = self.left_s()
        sock.settimeout(left if at_most_s is None else min(left, at_most_s))
