"""Waiting for a condition, never for a duration."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], *, what: str | Callable[[], str], timeout_s: float = 120) -> T:
    """Poll until the condition is true and return its value; fail with `what` was waited for.

    A function as `what` is asked only then: it can show the state that it stayed in.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, (
            f"not in {timeout_s} s: {what if isinstance(what, str) else what()}"
        )
        time.sleep(0.005)
