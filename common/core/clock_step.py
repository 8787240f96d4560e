"""The wall clock was set: instants that were noted before are told on the clock of now."""

LIMIT_NS = (
    60_000_000_000  # a time service slews what is less, and nobody takes a minute for an outage of years
)


def step_ns(wall_ns: int, boot_ns: int) -> int:
    """How far the wall clock was set, by what passed on it and on the clock that counts from the boot; 0 if not far."""
    step = wall_ns - boot_ns
    return step if abs(step) > LIMIT_NS else 0


def on_new_clock(at_ns: int, step: int, now_ns: int) -> int:
    """An instant that was noted by the wall clock, on that clock as it is now that it has been set by `step`.

    What was noted after the step is on it already: an instant that the step would take further away from now.
    """
    moved = at_ns + step
    return moved if abs(moved - now_ns) < abs(at_ns - now_ns) else at_ns
