"""Log records as short lines, for a person at a terminal."""

import logging
import os
import sys
import time

from common.core.terminal.text import clean

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_ANY_WIDTH = 1000
_COLOURS = {logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31"}


def stderr_is_terminal() -> bool:
    """Whether a person reads standard error."""
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # None, closed
        return False


class ShortLines(logging.Formatter):
    """`12:31:07 ws_reader-0a  session closed  reason=stale lasted_s=12.5`, in UTC.

    What only informs goes without its level, and is cut where the terminal ends; the rest is there in full.
    """

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process
        self._coloured = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback follows on lines of its own."""
        at = time.strftime("%H:%M:%S", time.gmtime(record.created))
        level = "" if record.levelno <= logging.INFO else f"{record.levelname}: "
        fields = [f"{name}={value}" for name, value in vars(record).items() if name not in _STANDARD]
        words = clean("  ".join([self._process, level + record.getMessage(), " ".join(fields)]).rstrip())
        room = _columns() - len(at) - 1
        if not level and len(words) > room:
            words = f"{words[: room - 1]}…"
        colour = _COLOURS.get(record.levelno)
        shown = f"\x1b[{colour}m{words}\x1b[0m" if colour and self._coloured else words
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{at} {shown}{trace}"


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _ANY_WIDTH
    except OSError:  # no terminal any more
        return _ANY_WIDTH
