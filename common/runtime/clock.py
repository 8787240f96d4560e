"""The clocks: wall time for people, monotonic time for deadlines, processor time for what this process costs.

The one that counts from the boot of the machine goes on while it sleeps, and is never set.
"""

import time
from collections.abc import Callable

import msgspec


def _boot_ns() -> int:
    try:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    except OSError:  # some sandboxes do not have it: then nobody can tell a sleep from a clock that was set
        return time.time_ns()


class Clock(msgspec.Struct, frozen=True):
    """All in nanoseconds; `sleep` takes seconds. Handed to code that needs the time."""

    wall_ns: Callable[[], int] = time.time_ns
    monotonic_ns: Callable[[], int] = time.monotonic_ns
    boot_ns: Callable[[], int] = _boot_ns
    processor_ns: Callable[[], int] = time.process_time_ns
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()
