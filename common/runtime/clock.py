"""The clocks: wall time for people, monotonic time for deadlines, processor time for what this process costs."""

import time
from collections.abc import Callable

import msgspec


class Clock(msgspec.Struct, frozen=True):
    """All in nanoseconds; `sleep` takes seconds. Handed to code that needs the time."""

    wall_ns: Callable[[], int] = time.time_ns
    monotonic_ns: Callable[[], int] = time.monotonic_ns
    processor_ns: Callable[[], int] = time.process_time_ns
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()
