"""Children that were not started by this process: as process 1 of a container it gets those whose parents died."""

import os
from collections.abc import Iterable
from contextlib import suppress

import psutil

INIT = 1


def reap_adopted(own: Iterable[int | None], *, adopts: bool | None = None) -> int:
    """Reap each child that has ended and is none of `own`, which others wait for; gives how many.

    Only process 1 adopts, unless it is said otherwise: no other one need look.
    """
    if not (os.getpid() == INIT if adopts is None else adopts):
        return 0
    mine, reaped = set(own), 0
    for child in psutil.Process().children():
        with suppress(psutil.Error, ChildProcessError):
            if child.pid not in mine and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
                reaped += 1
    return reaped
