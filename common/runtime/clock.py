"""The two clocks: wall time for people, monotonic time for deadlines."""

import time
from collections.abc import Callable

import msgspec


class Clock(msgspec.Struct, frozen=True):
    """Both in nanoseconds; `sleep` takes seconds. Handed to whoever needs the time."""

    wall_ns: Callable[[], int] = time.time_ns
    monotonic_ns: Callable[[], int] = time.monotonic_ns
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()
