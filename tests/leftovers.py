"""An interrupted run leaves nothing running: its workers die at once, and no fixture ends what it started."""

import ctypes
import os
import time
from contextlib import suppress

import psutil
import pytest

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: what loses its parent becomes ours, so that it can be found
PATIENCE_S = 10.0


@pytest.hookimpl
def pytest_keyboard_interrupt() -> None:
    """End everything that descends from this process; in a run with workers that is the one that has started them."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    until = time.monotonic() + PATIENCE_S
    while (left := _descendants()) and time.monotonic() < until:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.05)


def _descendants() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE:
                with suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
            else:
                found.append(process)
    return found
