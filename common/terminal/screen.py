"""A live view on a terminal: drawn on the alternate screen, keys without Enter, everything put back at the end."""

import os
import select
import signal
import sys
import termios
import tty
from types import FrameType, TracebackType
from typing import Any, Self

from rich.live import Live
from rich.segment import SegmentLines

from common.terminal.drawing import Lines, terminal

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGWINCH)


class Screen:
    """Takes the terminal on entry, gives it back on exit, whatever ends the view.

    SIGINT, SIGTERM and SIGHUP set `ended` instead of ending the process; a resize ends a wait.
    """

    def __init__(self) -> None:
        self.ended = False
        self._live = Live(
            console=terminal(), screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._input = sys.stdin.fileno()
        self._saved: list[Any] | None = None
        self._handlers: dict[signal.Signals, object] = {}
        self._wake = os.pipe()

    def __enter__(self) -> Self:
        for descriptor in self._wake:
            os.set_blocking(descriptor, False)
        for number in _SIGNALS:
            self._handlers[number] = signal.signal(number, self._on_signal)
        if os.isatty(self._input):
            self._saved = termios.tcgetattr(self._input)
            tty.setcbreak(self._input)
            mode = termios.tcgetattr(self._input)
            mode[6][termios.VSUSP] = b"\x00"  # no Ctrl-Z: the shell would come back to the wrong screen
            termios.tcsetattr(self._input, termios.TCSANOW, mode)
        self._live.start()
        return self

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGWINCH:
            self.ended = True
        os.write(self._wake[1], b"!")

    def size(self) -> tuple[int, int]:
        """Columns and lines of the terminal now."""
        found = os.get_terminal_size(sys.stdout.fileno())
        return found.columns, found.lines

    def draw(self, lines: Lines) -> None:
        """Replace what is shown, in the colours that the terminal and NO_COLOR allow."""
        self._live.update(SegmentLines(lines, new_lines=True), refresh=True)

    def keys(self, timeout_s: float) -> str:
        """What was pressed, or nothing once the time is over, a signal came, or the terminal was resized."""
        waited_for = [self._wake[0], *([self._input] if self._saved is not None else [])]
        ready, _, _ = select.select(waited_for, [], [], timeout_s)
        if self._wake[0] in ready:
            os.read(self._wake[0], 1024)
        if self._input not in ready:
            return ""
        pressed = os.read(self._input, 64).decode(errors="replace")
        if not pressed:
            self.ended = True  # the terminal is gone
        return pressed

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if self._saved is not None:
            termios.tcsetattr(self._input, termios.TCSADRAIN, self._saved)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself gave us
        for descriptor in self._wake:
            os.close(descriptor)
