"""Tables as lines of text, however wide: what is longer than a terminal is to be read all the same."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from common.core.terminal.text import clean
from common.terminal.drawing import drawn, plain_lines

_WIDEST = 4096


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A line for the header and for each row, columns aligned; figures stand to the right."""
    shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for at, name in enumerate(header):
        figures = bool(rows) and all(_is_figure(row[at]) for row in rows)
        shown.add_column(Text(name), justify="right" if figures else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*(Text(clean(cell)) for cell in row))
    yield from plain_lines(drawn(shown, _WIDEST))


def _is_figure(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").isdigit()
