"""How far work has come: on a terminal only, rewritten in place, gone when the work is done."""

import time
from typing import TYPE_CHECKING, TextIO

from common.core.terminal.text import span_text

if TYPE_CHECKING:
    from common.terminal.live_line import LiveLine

REDRAW_S = 0.2
LOOK_EVERY = 256  # rows between two looks at the clock


class ProgressBar:
    """Rows done of `total` (0: not known), their rate, and the time that is left."""

    def __init__(self, total: int, out: TextIO, *, what: str) -> None:
        self._total, self._out, self._what = total, out, what
        self._shows = out.isatty()
        self._line: LiveLine | None = None
        self._began = self._next = time.monotonic()
        self._done = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self._began

    def add(self, rows: int = 1) -> None:
        """So many more are done; draws, if it is time to."""
        before, self._done = self._done, self._done + rows
        if not self._shows or before // LOOK_EVERY == self._done // LOOK_EVERY:
            return
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REDRAW_S
            self._draw(now - self._began)

    def _draw(self, elapsed_s: float) -> None:
        if self._line is None:
            from common.terminal.live_line import LiveLine  # noqa: PLC0415 - rich is only for terminals

            self._line = LiveLine(self._out, self._total, keep=False)
        self._line.show(self._done, self._figures(elapsed_s))

    def end(self) -> None:
        """Take the bar away."""
        if self._line is not None:
            self._line.end()

    def _figures(self, elapsed_s: float) -> str:
        rate = self._done / elapsed_s if elapsed_s > 0 else 0.0
        figures = f"{self._done:,} {self._what}  {rate:,.0f}/s"
        if not self._total:
            return figures
        share = min(self._done / self._total, 1.0)
        left_s = (self._total - self._done) / rate if rate else 0.0
        return f"{share:4.0%}  {figures}  {span_text(left_s)} left"
