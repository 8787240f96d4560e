"""A token's book drawn for a terminal of any size: never wider or taller than asked."""

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from common.core.terminal.text import cell
from common.core.views.book_view import BookView, corner, figures, head_lines, level_rows, why_none
from common.terminal.drawing import Lines, cell_of, drawn, text_of

NARROWEST_BARS = 70  # cells from which there is room for bars beside sizes
FRAME_LINES = 6  # lines that are not levels: three above, the columns' names, two below
_GAP = "   "


def book_lines(view: BookView, width: int, height: int, *, hint: str = "", note: str = "") -> Lines:
    """At most `height` lines of at most `width` cells; `note` stands above `hint`, in the last lines."""
    name, *others = head_lines(view)
    first = Table.grid(expand=True)
    first.add_column(ratio=1)
    first.add_column(justify="right", no_wrap=True)
    first.add_row(text_of(name), text_of(corner(view)))
    body = Group(first, *map(text_of, others), _levels(view, width, max(height - FRAME_LINES, 0)))
    foot = Group(
        text_of([*figures(view), (f"   {note}" if note else "", "warn")]), text_of([(f" {hint}", "dim")])
    )
    return [*drawn(body, width)[: max(height - 2, 0)], *drawn(foot, width)][:height]


def _levels(view: BookView, width: int, room: int) -> RenderableType:
    if not view.book:
        return Group(Text(), text_of(cell(f"   {why_none(view)}", "warn")))
    bars = width >= NARROWEST_BARS
    table = Table.grid(padding=(0, 2, 0, 0), expand=bars)
    sides: tuple[JustifyMethod, ...] = ("right", "right", "left", "right")
    if bars:
        table.add_column(ratio=1)
    for justify in sides:
        table.add_column(justify=justify, no_wrap=True)
    if bars:
        table.add_column(ratio=1)
    for row in level_rows(view, room, bars=bars):
        table.add_row(*map(cell_of, row))
    return table
