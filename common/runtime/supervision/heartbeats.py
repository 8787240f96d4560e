"""Signs of life of a child process that need no room in any folder: bytes in a pipe."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress


class Heartbeats:
    """The supervisor's end of a pipe into which one process at a time writes."""

    def __init__(self) -> None:
        self._reading: int | None = None

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start a process that gets the other end, as `--heartbeat`. Raises OSError."""
        self.close()
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        self._reading = reading
        try:
            return subprocess.Popen(
                [*command, "--heartbeat", str(writing)],
                stdin=subprocess.DEVNULL,
                env=dict(environment),
                start_new_session=True,
                pass_fds=(writing,),
            )
        except OSError:
            self.close()
            raise
        finally:
            os.close(writing)

    def came(self) -> bool:
        """Whether there were any since the last call."""
        if self._reading is None:
            return False
        with suppress(OSError):
            return bool(os.read(self._reading, 4096))
        return False

    def close(self) -> None:
        """Let go of the pipe."""
        if self._reading is not None:
            os.close(self._reading)
            self._reading = None
