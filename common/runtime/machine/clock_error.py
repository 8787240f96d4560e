"""How far this machine's clock may be off, by the kernel or, where that does not know, by chrony."""

import ctypes
import os
import subprocess

from common.core.clock_error import error_ms_of_tracking
from common.runtime.background import BackgroundCall

STA_UNSYNC = 0x0040  # sys/timex.h
TIME_ERROR = 5  # sys/timex.h: what adjtimex returns for a clock that is not synchronised
CHRONY_TIMEOUT_S = 2.0
_US_PER_MS = 1000


class _Timex(ctypes.Structure):
    """`struct timex` up to what is read here; the rest is room for what the kernel writes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_char * 256),
    )


class ClockError:
    """The newest bound that is known, measured beside the loop of a process: chrony may take its time."""

    def __init__(self) -> None:
        self._call = BackgroundCall(clock_error_ms)
        self._known: float | None = None

    def measure(self) -> None:
        """Begin to measure again."""
        if self._call.done:
            self._known = self._call.result()
            self._call = BackgroundCall(clock_error_ms)

    @property
    def ms(self) -> float | None:
        """In milliseconds; None where nothing keeps the clock, or nothing was measured yet."""
        return self._call.result() if self._call.done else self._known


def clock_error_ms() -> float | None:
    """The bound of the clock's error in milliseconds; None where nothing keeps the clock. May take two seconds."""
    kernel = _of_kernel()
    return kernel if kernel is not None else _of_chrony()


def _of_kernel() -> float | None:
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    timex = _Timex()  # modes 0: read only, which everybody may
    state = adjtimex(ctypes.byref(timex))
    if state in {-1, TIME_ERROR} or timex.status & STA_UNSYNC:
        return None
    maxerror: int = timex.maxerror
    return round(maxerror / _US_PER_MS, 3)


def _of_chrony() -> float | None:
    """A clock that chrony keeps without telling the kernel (no `rtcsync`)."""
    try:
        answer = subprocess.run(
            ["chronyc", "-c", "tracking"],  # noqa: S607 - where the system has it
            capture_output=True,
            timeout=CHRONY_TIMEOUT_S,
            check=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return error_ms_of_tracking(answer.stdout)
