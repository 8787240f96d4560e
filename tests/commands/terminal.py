"""A command on a terminal of its own."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from tests.end_to_end.running import ROOT
from tests.waiting import wait_for


class OnTerminal:
    """The command, all that it wrote, and its keyboard."""

    def __init__(self, process: "subprocess.Popen[bytes]", keyboard: int) -> None:
        self.process = process
        self._keyboard = keyboard
        self.written = ""

    def read(self) -> str:
        while select.select([self._keyboard], [], [], 0)[0]:
            try:
                self.written += os.read(self._keyboard, 65_536).decode(errors="replace")
            except OSError:  # EIO: the command has let go of its terminal
                break
        return self.written

    def wait_until_shown(self, text: str) -> None:
        wait_for(lambda: text in self.read(), what=f"{text!r} on the terminal")

    def press(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def wait_for_end(self) -> int:
        wait_for(
            lambda: self.read() is not None and self.process.poll() is not None, what="the command to end"
        )
        self.read()
        return self.process.returncode

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._keyboard)[3] & termios.ECHO)


@contextmanager
def on_terminal(name: str, *arguments: str, errors_too: bool = False) -> Iterator[OnTerminal]:
    keyboard, terminal = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", f"procs.commands.{name}", *arguments]
    with subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal if errors_too else subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        shown = OnTerminal(process, keyboard)
        shown.resize(80, 24)
        try:
            yield shown
        finally:
            process.kill()
            os.close(keyboard)
            os.close(terminal)
