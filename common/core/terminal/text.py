"""Text for a terminal of fixed width: hostile characters made harmless, cells counted, little charts drawn."""

import unicodedata
from collections.abc import Iterable, Sequence

MORE = "…"
_LEVELS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉"
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
_COLOURS = {
    "dim": "2",
    "bold": "1",
    "title": "1;36",
    "good": "32",
    "warn": "33",
    "bad": "1;31",
    "chart": "36",
}

Span = tuple[str, str]  # text, and the name of a colour or ""
Line = list[Span]


def clean(text: str) -> str:
    """The text with `?` for all that moves the cursor, joins its neighbour, or shows nothing."""
    return "".join(
        char if char == " " or unicodedata.category(char)[0] not in "CMZ" else "?" for char in text
    )


def cells(text: str) -> int:
    """Columns that clean text takes."""
    return len(text) + sum(unicodedata.east_asian_width(char) in "WF" for char in text if char > "ᄀ")


def clip(text: str, width: int) -> str:
    """As much of clean text as fits, ending in an ellipsis where something was left out."""
    if cells(text) <= width:
        return text
    kept = text[: max(width, 0)]
    while kept and cells(kept) > width - 1:
        kept = kept[:-1]
    return kept + MORE if width > 0 else ""


def left(text: str, width: int) -> str:
    """Exactly `width` cells, the text at their left."""
    clipped = clip(clean(text), width)
    return clipped + " " * (width - cells(clipped))


def right(text: str, width: int) -> str:
    """Exactly `width` cells, the text at their right."""
    clipped = clip(clean(text), width)
    return " " * (width - cells(clipped)) + clipped


def fit(line: Line, width: int, *, pad: bool = False) -> Line:
    """The line cut to `width` cells, filled up to them if `pad`."""
    fitted: Line = []
    room = width
    for text, colour in line:
        shown = clip(clean(text), room)
        fitted.append((shown, colour))
        room -= cells(shown)
        if room == 0:
            break
    return [*fitted, (" " * room, "")] if pad and room else fitted


def plain(line: Iterable[Span]) -> str:
    """The text alone."""
    return "".join(text for text, _ in line).rstrip()


def painted(line: Iterable[Span]) -> str:
    """The text with ANSI colours; only cleaned text may be in it."""
    return "".join(
        f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colour and text.strip() else text for text, colour in line
    ).rstrip()


def sparkline(values: Sequence[float | None]) -> str:
    """One cell a value, the highest a full block, the lowest possible 0; a blank where there is no value."""
    highest = max((value for value in values if value is not None), default=0) or 1
    return "".join(
        " " if value is None else _LEVELS[min(int(max(value, 0) / highest * 8), 7)] for value in values
    )


def bar(fraction: float, width: int) -> str:
    """A bar of `width` cells, filled from the left to an eighth of a cell."""
    eighths = round(min(max(fraction, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width, "·")


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
