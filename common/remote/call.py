"""One call of rclone: bounded in time, watched while it talks, and ended where going on is pointless."""

import contextlib
import errno
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

import msgspec

WORDS_KEPT = 32 << 20  # bytes; more than any batch has to say


class Ended(msgspec.Struct, frozen=True):
    """How it ended: `code` as the system gives it, negative for a signal."""

    code: int
    out: bytes
    log: bytes
    gave_up: bool


class Call:
    """Runs once. `interrupt` may come from another thread at any time."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        held: Sequence[int],
        hopeless: Callable[[bytes], bool],
    ) -> None:
        """`hopeless` sees each line that it logs, and ends it by saying True."""
        reading, writing = os.pipe()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=writing,
                env=dict(environment),
                pass_fds=tuple(held),
            )
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._hopeless = hopeless
        self._log = bytearray()
        self._gave_up = False
        self._listener = threading.Thread(target=self._listen, args=(reading,), daemon=True)
        try:
            self._listener.start()
        except RuntimeError as error:
            os.close(reading)
            self.interrupt()
            self._process.wait()
            raise OSError(errno.EAGAIN, f"this machine gives no thread ({error})") from error

    def _listen(self, reading: int) -> None:
        with os.fdopen(reading, "rb") as log:
            for line in log:
                if len(self._log) < WORDS_KEPT:
                    self._log += line
                if not self._gave_up and self._hopeless(line):
                    self._gave_up = True
                    self.interrupt()

    def finish(self, text: bytes, limit_s: float) -> Ended:
        """Hand `text` to it and wait for its end. Raises TimeoutError when that does not come in time."""
        with self._process:
            try:
                out, _ = self._process.communicate(text, limit_s)
            except subprocess.TimeoutExpired as error:
                raise TimeoutError from error
            finally:
                self.interrupt()
        self._listener.join()
        return Ended(self._process.returncode, out, bytes(self._log), self._gave_up)

    def interrupt(self) -> None:
        """Kill it."""
        with contextlib.suppress(OSError):
            self._process.kill()
