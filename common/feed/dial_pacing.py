"""The pace at which all readers of a leg dial, kept in a small file of the run's folder that they share."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from common.core.feed.dial_pace import Pace, refused, reserve

_ATTEMPTS = 20  # to get the lock, a millisecond apart: nobody holds it for longer, unless it was stopped


class DialPacing:
    """Never waits for another process: without the file or its lock a dial is not paced."""

    def __init__(self, run_dir: Path, leg: str, *, legs: int) -> None:
        self._path, self._legs = run_dir / f"dials-{leg}.json", legs

    def reserve(self, now_ns: int) -> int:
        """When (monotonic) a dial that is due now may begin."""
        begins_ns = now_ns

        def take(pace: Pace) -> Pace:
            nonlocal begins_ns
            pace, begins_ns = reserve(pace, now_ns, legs=self._legs)
            return pace

        self._change(take)
        return begins_ns

    def refused(self, now_ns: int) -> None:
        """The exchange answered HTTP 429."""
        self._change(lambda pace: refused(pace, now_ns, legs=self._legs))

    def _change(self, change: Callable[[Pace], Pace]) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            if _locked(descriptor):
                document = msgspec.json.encode(change(_read(descriptor)))
                os.pwrite(descriptor, document, 0)
                os.ftruncate(descriptor, len(document))
        except OSError:
            return  # no room
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.001)
        else:
            return True
    return False


def _read(descriptor: int) -> Pace:
    try:
        return msgspec.json.decode(os.pread(descriptor, 1000, 0), type=Pace)
    except msgspec.DecodeError:
        return Pace()  # new, or damaged
