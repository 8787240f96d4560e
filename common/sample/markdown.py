"""Plain Markdown: text that cannot break out of its place, tables, bars."""

import re
from collections.abc import Iterable, Sequence

_LONGEST_CELL = 200
_BAR_WIDTH = 50
_MARKUP = re.compile(r"([\\`*_\[\]#|~>])")


def escaped(text: str) -> str:
    """Foreign text on one line, shown as it is: no markup, no HTML, no line break, at most 200 characters."""
    line = "".join(character if character.isprintable() else "\ufffd" for character in text)
    if len(line) > _LONGEST_CELL:
        line = line[: _LONGEST_CELL - 1] + "…"
    return _MARKUP.sub(r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;"))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; cells are taken as they are."""
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}", *body, ""]


def code(lines: Iterable[str], language: str = "") -> list[str]:
    """Lines of a fenced block."""
    return [f"```{language}", *lines, "```", ""]


def bars(labelled: Sequence[tuple[str, int]]) -> list[str]:
    """A bar for each count, the longest 50 wide; a count above 0 shows."""
    most = max((count for _, count in labelled), default=0) or 1
    return [
        f"{label} {'█' * (-(-count * _BAR_WIDTH // most))} {count:,}".replace("  ", " ")
        for label, count in labelled
    ]


def size_text(count: int) -> str:
    """Bytes for people: `532 B`, `1.4 MB`."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
