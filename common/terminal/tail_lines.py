"""The lines of `tail-queue` on a terminal: one for each envelope, or a table of rates for each second."""

import os
import sys
from collections.abc import Sequence

from rich.console import Group

from common.core.terminal.text import Line, Row, cell
from common.terminal.drawing import columns_of, grid, printed, terminal, text_of

WIDE_COLUMNS = 100


class TailLines:
    """Draws for standard output, in its width at that moment."""

    def __init__(self) -> None:
        self._console = terminal()

    def message(
        self, at: str, name: str, kinds: Sequence[str], words: tuple[str, str], *, row: bool
    ) -> bytes:
        """One envelope: when, from which producer, what kind, and `words`: its market and what it says."""
        width = _width()
        wide = width >= WIDE_COLUMNS
        where, what = words
        columns: list[tuple[Line, int]] = [
            (cell(at, "dim"), 13),
            (cell(name if wide else "", "dim"), 13 if wide else 0),
            (cell(" ".join(kinds), "warn" if row else "title"), 17),
            (cell(where if wide or not where else f"{where}  ", "bold"), 32 if wide and where else 0),
            (cell(what), 0),
        ]
        return printed(self._console, columns_of(columns, width)).encode()

    def rates(self, head: Line, rows: Sequence[Row]) -> bytes:
        """One second."""
        return printed(self._console, Group(text_of(head), grid(rows, (2, 3), gap=2))).encode()


def _width() -> int:
    return os.get_terminal_size(sys.stdout.fileno()).columns or 80
