"""The benchmark's picture: its main figures as bars, and over tokens as lines on logarithmic axes."""

import math
from collections.abc import Callable, Iterator, Sequence

import msgspec

from common.benchmark.measured import Measured, by_setup, spread
from common.core.charts import COLOURS, WIDTH, Bar, Panel, bars_panel, picture

HEIGHT, MARGIN = 320, 60
HALF = WIDTH / 2
CPU, RATE = "CPU us a message", "messages a second"


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


def benchmark_picture(runs: Sequence[Measured]) -> str:
    """The whole SVG; without bars where no run counts, and without lines where all have the same tokens."""
    bars = (
        _bars(runs, lambda run: run.cpu_us, CPU, "{:,.1f}"),
        _bars(runs, lambda run: run.rate, RATE, "{:,.0f}"),
    )
    several = len({run.setup.tokens for run in runs}) > 1
    label = "CPU time a message and messages a second, by contestant"
    return picture(*bars, *([_over_tokens(runs)] if several else []), label=label)


def _bars(runs: Sequence[Measured], figure: Callable[[Measured], float], title: str, form: str) -> Panel:
    """The medians at the fewest tokens."""
    fewest = min((run.setup.tokens for run in runs), default=0)
    found = [
        (setup.words, spread(them, figure))
        for setup, them in by_setup(runs).items()
        if setup.tokens == fewest
    ]
    bars = [Bar(words, each.median, form.format(each.median)) for words, each in found if each is not None]
    return bars_panel(f"{title}, {fewest} tokens", bars)


def _over_tokens(runs: Sequence[Measured]) -> Panel:
    curves = ((CPU, _lines(runs, lambda run: run.cpu_us)), (RATE, _lines(runs, lambda run: run.rate)))
    elements = [part for at, (title, lines) in enumerate(curves) for part in _panel(title, lines, at * HALF)]
    names = [line.name for line in curves[0][1]]
    return Panel(HEIGHT + 20 * len(names), [*elements, *_legend(names)])


def _lines(runs: Sequence[Measured], figure: Callable[[Measured], float]) -> list[Line]:
    points: dict[str, list[tuple[float, float]]] = {}
    for setup, them in by_setup(runs).items():
        found = spread(them, figure)
        if found is not None and found.median > 0:
            points.setdefault(setup.words, []).append((setup.tokens, found.median))
    return [Line(name, tuple(found)) for name, found in points.items()]


def _panel(title: str, lines: Sequence[Line], left: float) -> Iterator[str]:
    middle = left + HALF / 2
    yield f'<text class="title" x="{middle}" y="20" text-anchor="middle">{title}, over tokens</text>'
    every = [point for line in lines for point in line.points]
    if not every:
        return
    across = _Axis([x for x, _ in every], left + MARGIN, left + HALF - 20)
    up = _Axis([y for _, y in every], HEIGHT - 40, 40)
    for tick in across.ticks:
        x = across.at(tick)
        yield f'<line class="rule" x1="{x:.1f}" y1="40" x2="{x:.1f}" y2="{HEIGHT - 40}"/>'
        yield f'<text class="dim" x="{x:.1f}" y="{HEIGHT - 22}" text-anchor="middle">{tick:,g}</text>'
    for tick in up.ticks:
        y = up.at(tick)
        yield f'<line class="rule" x1="{left + MARGIN}" y1="{y:.1f}" x2="{left + HALF - 20}" y2="{y:.1f}"/>'
        yield f'<text class="dim" x="{left + MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:,.0f}</text>'
    for number, line in enumerate(lines):
        colour = f"c{number % COLOURS}"
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in line.points)
        yield f'<polyline class="line {colour}" stroke="currentColor" points="{path}"/>'
        for x, y in line.points:
            yield f'<circle class="{colour}" fill="currentColor" cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="3.5"/>'


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        y = HEIGHT + 20 * number
        colour = f"c{number % COLOURS}"
        yield f'<rect class="{colour}" fill="currentColor" x="{MARGIN}" y="{y - 9}" width="12" height="12"/>'
        yield f'<text x="{MARGIN + 18}" y="{y + 1}">{name}</text>'
