"""What a terminal is given to show: styled text, bars, tables of both, and figures in the units that read best.

Pure: how wide it becomes, and which colours a style has, is decided where it is drawn (`common/terminal/drawing.py`).
"""

import unicodedata
from collections.abc import Sequence
from typing import Literal

import msgspec

_LEVELS = "▁▂▃▄▅▆▇█"
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")

Style = Literal["", "dim", "bold", "title", "good", "warn", "bad", "chart"]
Line = list[tuple[str, Style]]


class Bar(msgspec.Struct, frozen=True):
    """A bar from one fraction of its cell's width to another; `width` in cells, 0 for what is free."""

    begin: float
    end: float
    style: Style
    width: int = 0


Cell = Line | Bar
Row = tuple[Cell, ...]


def clean(text: str) -> str:
    """The text with `?` for every character that moves the cursor, joins its neighbour, or is invisible."""
    return "".join(
        char if char == " " or unicodedata.category(char)[0] not in "CMZ" else "?" for char in text
    )


def cell(text: str, style: Style = "") -> Line:
    """A table's cell with text of one style."""
    return [(text, style)]


def plain(line: Line) -> str:
    """The text of a line without its styles."""
    return "".join(text for text, _ in line)


def fitting(items: Sequence[Line], columns: int) -> Line:
    """As many items from the first on as have room whole: what is left out is missing, not cut in the middle."""
    line = list(items[0]) if items else []
    for item in items[1:]:
        if len(plain(line)) + len(plain(item).rstrip()) > columns:
            break
        line += item
    if line:
        line[-1] = (line[-1][0].rstrip(), line[-1][1])
    return line


def sparkline(values: Sequence[float | None]) -> str:
    """One cell a value, the highest a full block, the lowest possible 0; a blank where there is no value."""
    highest = max((value for value in values if value is not None), default=0) or 1
    return "".join(
        " " if value is None else _LEVELS[min(int(max(value, 0) / highest * 8), 7)] for value in values
    )


def size_text(count: float) -> str:
    """Bytes in the largest unit that leaves a whole number: `1.4 MiB`."""
    unit = 0
    while count >= 1000 and unit < len(_SIZES) - 1:
        count /= 1024
        unit += 1
    return f"{count:.0f} {_SIZES[unit]}" if unit == 0 or count >= 100 else f"{count:.1f} {_SIZES[unit]}"


def span_text(seconds: float) -> str:
    """A length of time: `0:07`, `12:31`, `3:02:11`, `4 d 03:02`."""
    whole = max(int(seconds), 0)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24:02}:{minute:02}"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def rough_span_text(seconds: float) -> str:
    """A length of time in two units, for what is only estimated: `3 d 4 h`, `5 h 12 min`, `over a year`."""
    minutes = max(int(seconds), 0) // 60
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days > 365:
        return "over a year"
    if days:
        return f"{days} d {hour} h"
    if hour:
        return f"{hour} h {minute} min"
    return f"{minute} min" if minute else "under a minute"
