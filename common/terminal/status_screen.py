"""The status view drawn for a terminal of any size: never wider or taller than asked."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from common.core.status.blocks import Block
from common.core.status.history import History
from common.core.status.view import Liveness, StatusView, share, status_view
from common.core.terminal.text import cell, fitting
from common.terminal.drawing import Lines, drawn, grid, text_of

TWO_COLUMNS = 76  # cells from which blocks stand side by side
AIRY = 100  # cells from which there are two between columns
WIDEST_LEFT = 56
WIDEST_CHART = 60
_BESIDE_CHART = 40  # cells for the name and the figures of a chart


def status_lines(
    manifest: Mapping[str, Any],
    history: History,
    width: int,
    height: int,
    now_ns: int,
    *,
    liveness: Liveness | None = None,
    hint: str = "",
) -> Lines:
    """At most `height` lines of at most `width` cells."""
    columns = max(min(width - _BESIDE_CHART, WIDEST_CHART), 4)
    view = status_view(manifest, history, now_ns, chart_columns=columns, liveness=liveness, hint=hint)
    return [*drawn(_body(view, width, height), width)[: height - 1], *drawn(text_of(view.foot), width)]


def _body(view: StatusView, width: int, height: int) -> RenderableType:
    top: list[RenderableType] = [*(text_of(fitting(line, width)) for line in view.head)]
    top += [grid(view.charts), text_of(fitting(view.figures, width)), Text()]
    room = height - len(view.head) - len(view.charts) - 3
    if width >= TWO_COLUMNS:
        return Group(*top, *_side_by_side(view.pairs, width, room))
    return Group(
        *top, *_stacked([block for pair in view.pairs for block in pair if block.title], room, width)
    )


def _stacked(blocks: Sequence[Block], room: int, width: int) -> list[RenderableType]:
    rows = share([len(block.rows) for block in blocks], room - len(blocks))
    return [_drawn_block(block, count, width) for block, count in zip(blocks, rows, strict=True)]


def _side_by_side(pairs: Sequence[tuple[Block, Block]], width: int, room: int) -> list[RenderableType]:
    shown = [pair for pair in pairs if pair[0].title or pair[1].title]
    rows = share([max(len(one.rows), len(other.rows)) for one, other in shown], room - len(shown))
    airy = room - len(shown) - sum(rows) >= len(shown)
    drawn: list[RenderableType] = []
    for (one, other), count in zip(shown, rows, strict=True):
        if airy and drawn:
            drawn.append(Text())
        drawn.append(_pair(one, other, count, width) if other.title else _drawn_block(one, count, width))
    return drawn


def _pair(one: Block, other: Block, rows: int, width: int) -> Table:
    left = min((width - 2) * 5 // 9, WIDEST_LEFT)
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(width=left)
    table.add_column(width=width - left - 2)
    gap = 2 if width >= AIRY else 1
    table.add_row(_drawn_block(one, rows, left, gap), _drawn_block(other, rows, width - left - 2, gap))
    return table


def _drawn_block(block: Block, rows: int, width: int, gap: int = 2) -> Group:
    """A block's title and so many of its rows, with the columns that have room."""
    block = block.narrowed(width, gap)
    shown, more = block.first(rows)
    parts: list[RenderableType] = [text_of([(f" {block.title}", "title"), (f"  {block.remark}", "dim")])]
    if shown:
        parts.append(grid(shown, block.right, gap=gap))
    if more:
        parts.append(text_of(cell(more, "dim")))
    return Group(*parts)
