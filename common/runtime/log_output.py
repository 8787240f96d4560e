"""Log records leave through a bounded queue and a thread of their own: logging never waits for the reader.

Standard error is often a pipe, and its reader may stand still. Records that find no room are dropped and counted.
"""

import logging
import os
import queue
import sys
import threading

KEPT_RECORDS = 2000
LONGEST_RECORD_BYTES = 64 * 1024  # with KEPT_RECORDS a bound for memory; what is longer is cut
FLUSH_S = 1.0  # for what waits at the end of a process


class LogOutput(logging.Handler):
    """Writes each record as a line to a descriptor that may be full for ever, closed, or none at all."""

    def __init__(self, descriptor: int | None) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes] = queue.Queue(KEPT_RECORDS)
        self._thread: threading.Thread | None = None
        self._dropped = 0
        self._taken = 0

    def take_dropped(self) -> int:
        """How many records were dropped since the last call."""
        new, self._taken = self._dropped - self._taken, self._dropped
        return new

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record, or drop it. Never blocks, never raises."""
        try:
            if self._thread is None:
                self._start()
            line = self.format(record).encode(errors="backslashreplace")
            self._lines.put_nowait(line[:LONGEST_RECORD_BYTES] + b"\n")
        except Exception:  # noqa: BLE001 - a record that cannot be written must not end a process
            self._dropped += 1

    def _start(self) -> None:
        """Raises RuntimeError where the machine gives no thread; the next record tries again."""
        thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        thread.start()
        self._thread = thread

    def _write_all(self) -> None:
        while True:
            line = self._lines.get()
            try:
                self._write(line)
            except OSError:
                self._dropped += 1  # nobody reads any more; somebody may later
            self._lines.task_done()

    def _write(self, line: bytes) -> None:
        if self._descriptor is None:
            raise OSError("there is no standard error")
        view = memoryview(line)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def flush(self) -> None:
        """Wait until all is written, for FLUSH_S at most."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, FLUSH_S)


def log_output() -> LogOutput:
    """The output to standard error of this process."""
    try:
        return LogOutput(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # None, a double without a descriptor, closed
        return LogOutput(None)


def take_dropped() -> int:
    """Log records that this process dropped since the last call."""
    outputs = [each for each in logging.getLogger().handlers if isinstance(each, LogOutput)]
    return sum(output.take_dropped() for output in outputs)


def fill_standard_streams() -> None:
    """Open what is closed of the descriptors 0 to 2 on /dev/null, before anything else gets their numbers.

    An archive that was opened as descriptor 2 would take whatever a library says on standard error.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # noqa: FBT003 - as the library has it
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
