"""One call that may take long, away from the loop that must not wait for it."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")
THREAD_NAME = "background"


TRY_AGAIN_S = 1.0  # after a machine gave no thread

log = logging.getLogger(__name__)


class BackgroundCall(Generic[T]):
    """Runs a function in a daemon thread. A function that may be given up has a deadline of its own.

    Where the machine gives no thread, each look at `done` tries again, once a second.
    """

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._future: Future[T] = Future()
        self._started = False
        self._try_at_s = 0.0
        self._start()

    def _start(self) -> None:
        if time.monotonic() < self._try_at_s:
            return
        try:
            threading.Thread(target=self._run, name=THREAD_NAME, daemon=True).start()
        except RuntimeError as error:
            if not self._try_at_s:
                log.warning("thread not started, trying again", extra={"reason": str(error)})
            self._try_at_s = time.monotonic() + TRY_AGAIN_S
            return
        self._started = True

    def _run(self) -> None:
        try:
            self._future.set_result(self._function())
        except BaseException as error:  # noqa: BLE001 - handed over whole, `result` raises it in the loop
            self._future.set_exception(error)

    @property
    def done(self) -> bool:
        """Whether `result` answers at once."""
        if not self._started:
            self._start()
        return self._future.done()

    def result(self) -> T:
        """What the function returned, or raises what it raised. Call when `done`."""
        return self._future.result(timeout=0)

    def forget(self, dispose: Callable[[T], None]) -> None:
        """Give the call up: what it still brings is disposed of, in its thread or immediately."""

        def finish(future: Future[T]) -> None:
            if future.exception() is None:
                dispose(future.result())

        self._future.add_done_callback(finish)
