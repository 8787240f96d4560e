"""Styled text, bars and tables drawn by rich. Importing it takes some 60 ms: only commands that draw do.

Foreign text is cleaned before rich gets it, and rich gets it as text, never as markup.
"""

import io
import os
from collections.abc import Iterable, Sequence

from rich.bar import Bar as RichBar
from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from common.core.terminal.text import Bar, Cell, Line, Row, clean

_THEME = Theme(
    {
        "title": "bold cyan",
        "good": "green",
        "warn": "yellow",
        "bad": "bold red",
        "chart": "cyan",
    }
)
_BAR_COLOURS = {"dim": "bright_black", "good": "green", "warn": "yellow", "bad": "red", "chart": "cyan"}
_TERMINAL_SIZE = ("COLUMNS", "LINES")  # a shell exports them, and a resize leaves them as they were

Lines = list[list[Segment]]


def terminal() -> Console:
    """Standard output, with the colours that it and NO_COLOR allow."""
    environment = {name: value for name, value in os.environ.items() if name not in _TERMINAL_SIZE}
    return Console(theme=_THEME, highlight=False, markup=False, emoji=False, _environ=environment)


def drawn(shown: RenderableType, width: int) -> Lines:
    """What is shown as lines of at most `width` cells."""
    console = Console(
        file=io.StringIO(), width=width, theme=_THEME, force_terminal=True, legacy_windows=False
    )
    return console.render_lines(shown, pad=False)


def plain_lines(lines: Lines) -> list[str]:
    """The text of drawn lines, without colours."""
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


def printed(console: Console, shown: RenderableType) -> str:
    """What is shown as the console would print it, with its colours and a line break at the end."""
    with console.capture() as captured:
        console.print(shown, crop=False)
    return captured.get()


def text_of(line: Line) -> Text:
    """One line that never wraps: what has no room ends in an ellipsis."""
    spans = [(clean(text), style) for text, style in line]
    return Text.assemble(*spans, no_wrap=True, overflow="ellipsis")


def columns_of(line: Sequence[tuple[Line, int]], width: int) -> Text:
    """One line of columns of fixed widths, the last one (0) as wide as there is room."""
    whole = Text(no_wrap=True, overflow="ellipsis", end="")
    for column, cells in line:
        text = text_of(column)
        if cells:
            text.truncate(cells, overflow="ellipsis", pad=True)
        whole.append_text(text)
    whole.truncate(width, overflow="ellipsis")
    return whole


def grid(rows: Iterable[Row], right: Sequence[int] = (), *, gap: int = 1) -> Table:
    """Rows without a frame, `gap` cells between columns; the first column gives way where there is too little room."""
    listed = list(rows)
    table = Table.grid(padding=(0, gap, 0, 0))
    for number in range(max((len(row) for row in listed), default=0)):
        table.add_column(justify="right" if number in right else "left", no_wrap=number > 0)
    for row in listed:
        table.add_row(*map(cell_of, row))
    return table


def cell_of(cell: Cell) -> RenderableType:
    """A table's cell."""
    if isinstance(cell, Bar):
        colour = _BAR_COLOURS.get(cell.style, "default")
        track = "grey23" if cell.width else "default"
        return RichBar(1.0, cell.begin, cell.end, width=cell.width or None, color=colour, bgcolor=track)
    return text_of(cell)
