"""One call that may take long, away from the loop that must not wait for it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")
THREAD_NAME = "background"


class BackgroundCall(Generic[T]):
    """Runs a function in a daemon thread. A function that may be given up has a deadline of its own."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._future: Future[T] = Future()
        threading.Thread(target=self._run, args=(function,), name=THREAD_NAME, daemon=True).start()

    def _run(self, function: Callable[[], T]) -> None:
        try:
            self._future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - handed over whole, `result` raises it in the loop
            self._future.set_exception(error)

    @property
    def done(self) -> bool:
        """Whether `result` answers at once."""
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
