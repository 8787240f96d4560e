"""How a bounded recording goes: one line, rewritten in place on a terminal, otherwise a new one every ten seconds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from common.runtime.run.facts import Facts

if TYPE_CHECKING:
    from common.terminal.live_line import LiveLine

REDRAW_S = 0.25
PLAIN_INTERVAL_S = 10.0


class Progress:
    """Elapsed time, messages, their rate, and checkpoints."""

    def __init__(self, duration_s: float, out: TextIO) -> None:
        self._duration_s = duration_s
        self._out = out
        self._live = _live_line(out, duration_s) if out.isatty() else None
        self._interval_s = REDRAW_S if self._live else PLAIN_INTERVAL_S
        self._next_s = 0.0
        self._before = (0.0, 0)
        self._rate = 0.0

    def show(self, elapsed_s: float, facts: Mapping[str, Facts]) -> None:
        """Draw, if it is time to."""
        if elapsed_s < self._next_s:
            return
        self._next_s = elapsed_s + self._interval_s
        messages = sum(fact.counters.get("ws_messages_total", 0) for fact in facts.values())
        asked = sum(fact.counters.get("rest_requests_total", 0) for fact in facts.values())
        failed = sum(fact.counters.get("rest_failures_total", 0) for fact in facts.values())
        self._note_rate(elapsed_s, messages)
        line = (
            f"{min(elapsed_s, self._duration_s):5.0f} s of {self._duration_s:g} s   {messages:,} messages"
            f"   {self._rate:,.0f}/s   {asked - failed} checkpoints"
        )
        if elapsed_s > self._duration_s:
            line += "   draining"
        if self._live is not None:
            self._live.show(min(elapsed_s, self._duration_s), line.lstrip())
            return
        self._out.write(f"{line}\n")
        self._out.flush()

    def _note_rate(self, elapsed_s: float, messages: int) -> None:
        since_s, before = self._before
        if elapsed_s - since_s >= 1:
            self._rate = (messages - before) / (elapsed_s - since_s)
            self._before = (elapsed_s, messages)

    def end(self) -> None:
        """Leave the line standing."""
        if self._live is not None:
            self._live.end()


def _live_line(out: TextIO, duration_s: float) -> "LiveLine":
    from common.terminal.live_line import LiveLine  # noqa: PLC0415 - rich is only for terminals

    return LiveLine(out, duration_s, keep=True)
