"""The benchmark's picture: CPU time a message and messages a second over tokens, as SVG on logarithmic axes."""

import math
from collections.abc import Callable, Iterator, Sequence

import msgspec

from common.benchmark.measured import Measured, by_setup, spread

WIDTH, HEIGHT, MARGIN = 460, 320, 60
COLOURS = ("#c0392b", "#e08e0b", "#7f8c8d", "#1f6fb2", "#3c9d4e", "#7d4ea8", "#0f8b8d", "#333333")


class Line(msgspec.Struct, frozen=True):
    """One contestant: `points` are tokens and figure, both above 0."""

    name: str
    points: tuple[tuple[float, float], ...]


class _Axis:
    """A logarithmic axis over whole decades, from pixel to pixel."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self._low = math.floor(math.log10(min(values)))
        self._high = max(math.ceil(math.log10(max(values))), self._low + 1)
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        part = (math.log10(value) - self._low) / (self._high - self._low)
        return self._begin + part * (self._end - self._begin)

    @property
    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]


def picture(runs: Sequence[Measured]) -> str:
    """The whole SVG; empty panels where no run counts."""
    panels = (
        ("CPU us a message", _lines(runs, lambda run: run.cpu_us)),
        ("messages a second", _lines(runs, lambda run: run.rate)),
    )
    body = [part for at, (title, lines) in enumerate(panels) for part in _panel(title, lines, at * WIDTH)]
    names = [line.name for line in panels[0][1]]
    height = HEIGHT + 20 * len(names)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{height}">',
            "<style>text { font: 12px sans-serif }</style>",
            f'<rect width="{2 * WIDTH}" height="{height}" fill="white"/>',
            *body,
            *_legend(names),
            "</svg>",
            "",
        )
    )


def _lines(runs: Sequence[Measured], figure: Callable[[Measured], float]) -> list[Line]:
    points: dict[str, list[tuple[float, float]]] = {}
    for setup, them in by_setup(runs).items():
        found = spread(them, figure)
        if found is not None and found.median > 0:
            points.setdefault(setup.words, []).append((setup.tokens, found.median))
    return [Line(name, tuple(found)) for name, found in points.items()]


def _panel(title: str, lines: Sequence[Line], left: float) -> Iterator[str]:
    yield f'<text x="{left + WIDTH / 2}" y="20" text-anchor="middle">{title}, over tokens</text>'
    every = [point for line in lines for point in line.points]
    if not every:
        return
    across = _Axis([x for x, _ in every], left + MARGIN, left + WIDTH - 20)
    up = _Axis([y for _, y in every], HEIGHT - 40, 40)
    for tick in across.ticks:
        x = across.at(tick)
        yield f'<line x1="{x:.1f}" y1="40" x2="{x:.1f}" y2="{HEIGHT - 40}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - 22}" text-anchor="middle">{tick:,g}</text>'
    for tick in up.ticks:
        y = up.at(tick)
        yield f'<line x1="{left + MARGIN}" y1="{y:.1f}" x2="{left + WIDTH - 20}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{left + MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:,.0f}</text>'
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in line.points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for x, y in line.points:
            yield f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="3.5" fill="{colour}"/>'


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        y = HEIGHT + 20 * number
        colour = COLOURS[number % len(COLOURS)]
        yield f'<rect x="{MARGIN}" y="{y - 9}" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{MARGIN + 18}" y="{y + 1}">{name}</text>'
