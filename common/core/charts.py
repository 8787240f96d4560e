"""Small charts as SVG for reports: lines over time, and bars. Readable in light and in dark, also as a file alone."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

import msgspec

WIDTH = 760
LINES_HEIGHT = 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 28, 26
_BAR, _LEGEND, _LABEL_WIDTH, _VALUE_WIDTH = 22, 18, 190, 110
_LIGHT = ("#1f6fb2", "#c4700b", "#2e8b45", "#8e4bb5", "#c0392b", "#5c6675")
_DARK = ("#6db3f2", "#f0a54a", "#63c97d", "#c793e8", "#ff7b6b", "#9aa5b4")
COLOURS = len(_LIGHT)


def _colours(shades: Sequence[str]) -> str:
    return " ".join(f".c{number} {{ color: {shade} }}" for number, shade in enumerate(shades))


_STYLE = f"""<style>
text {{ font: 12px sans-serif; fill: #1d2430 }} .dim {{ fill: #5c6675 }} .title {{ font-weight: bold }}
.back {{ fill: #ffffff }} .rule {{ stroke: #d9dee5 }} .gap {{ fill: #c0392b; opacity: .2 }}
.line {{ fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }}
{_colours(_LIGHT)}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e4e8ee }} .dim {{ fill: #9aa5b4 }}
.back {{ fill: #14181f }} .rule {{ stroke: #333c49 }} .gap {{ fill: #ff7b6b; opacity: .25 }}
{_colours(_DARK)}
}}
</style>"""


class Line(msgspec.Struct, frozen=True):
    """One line, its values at even distances over the whole width; None is a break. `gaps` are parts of the whole."""

    name: str
    values: Sequence[float | None]
    gaps: Sequence[tuple[float, float]] = ()


class Bar(msgspec.Struct, frozen=True):
    """One bar; `text` is its value as it is to be read."""

    name: str
    value: float
    text: str


class Panel(msgspec.Struct, frozen=True):
    """A part of a picture: its height, and its elements below 0."""

    height: int
    elements: Sequence[str]


def picture(*panels: Panel, label: str, width: int = WIDTH) -> str:
    """The panels below one another, as a whole file."""
    height, body = 0, list[str]()
    for panel in panels:
        body += [f'<g transform="translate(0 {height})">', *panel.elements, "</g>"]
        height += panel.height
    begin = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
    return "\n".join(
        (
            f'{begin} viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">',
            _STYLE,
            f'<rect class="back" width="{width}" height="{height}"/>',
            *body,
            "</svg>",
            "",
        )
    )


def lines_panel(title: str, lines: Sequence[Line], *, top: float, begin: str, end: str) -> Panel:
    """Lines over time from 0 to `top`; `begin` and `end` name the ends of the time."""
    height = LINES_HEIGHT + 14 + _LEGEND * len(lines)
    return Panel(height, [*_frame(title, top, begin, end), *_drawn(lines, top), *_legend(lines)])


def _frame(title: str, top: float, begin: str, end: str) -> Iterator[str]:
    yield _text(_LEFT, 18, title, kind="title")
    for part in (0.0, 0.5, 1.0):
        y = _y(part)
        yield f'<line class="rule" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(_LEFT - 6, y + 4, f"{top * part:,.4g}", kind="dim", anchor="end")
    yield _text(_LEFT, LINES_HEIGHT - 8, begin, kind="dim")
    yield _text(WIDTH - _RIGHT, LINES_HEIGHT - 8, end, kind="dim", anchor="end")


def _drawn(lines: Sequence[Line], top: float) -> Iterator[str]:
    for first, last in sorted({gap for line in lines for gap in line.gaps}):
        wide = max(_x(last) - _x(first), 1.5)
        height = _y(0) - _y(1)
        yield f'<rect class="gap" x="{_x(first):.1f}" y="{_y(1)}" width="{wide:.1f}" height="{height}"/>'
    for number, line in enumerate(lines):
        last = max(len(line.values) - 1, 1)
        for run in _runs(line.values):
            points = " ".join(f"{_x(index / last):.1f},{_y(value / (top or 1)):.1f}" for index, value in run)
            yield f'<polyline class="line c{number % COLOURS}" stroke="currentColor" points="{points}"/>'


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """The stretches without a break; a single value is a stretch of no length, which has round ends."""
    run: list[tuple[int, float]] = []
    for index, value in enumerate([*values, None]):
        if value is not None:
            run.append((index, value))
        elif run:
            yield run if len(run) > 1 else run * 2
            run = []


def _legend(lines: Iterable[Line]) -> Iterator[str]:
    for number, line in enumerate(lines):
        y = LINES_HEIGHT + 10 + _LEGEND * number
        kind = f"c{number % COLOURS}"
        yield f'<rect class="{kind}" fill="currentColor" x="{_LEFT}" y="{y - 6}" width="14" height="4"/>'
        yield _text(_LEFT + 20, y, line.name)


def bars_panel(title: str, bars: Sequence[Bar]) -> Panel:
    """Bars from the left, the longest over the whole width."""
    elements = [_text(12, 18, title, kind="title")]
    most = max((bar.value for bar in bars), default=0.0) or 1.0
    room = WIDTH - _LABEL_WIDTH - _VALUE_WIDTH
    for number, bar in enumerate(bars):
        y = _TOP + number * _BAR
        wide = max(bar.value / most * room, 1.0)
        kind = f"c{number % COLOURS}"
        elements += [
            _text(_LABEL_WIDTH - 8, y + 14, bar.name, anchor="end"),
            f'<rect class="{kind}" fill="currentColor" x="{_LABEL_WIDTH}" y="{y + 3}" width="{wide:.1f}" height="15"/>',
            _text(_LABEL_WIDTH + wide + 6, y + 14, bar.text, kind="dim"),
        ]
    return Panel(_TOP + len(bars) * _BAR + 10, elements)


def _text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "start") -> str:
    of_kind = f' class="{kind}"' if kind else ""
    return f'<text{of_kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _x(part: float) -> float:
    return _LEFT + part * (WIDTH - _LEFT - _RIGHT)


def _y(part: float) -> float:
    return LINES_HEIGHT - _BOTTOM - part * (LINES_HEIGHT - _BOTTOM - _TOP)
