"""One token's book at one moment, laid out for a terminal of any size.

Pure: the same view and size give the same lines. Never wider or taller than asked.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from common.core.audit.unknown_books import Unknown
from common.core.books.checkpoint import DifferingLevel
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.market import Exchange, Token
from common.core.terminal.text import Line, cells, fit, left, painted, plain, right

NS_PER_MS = 1_000_000
NARROWEST_BARS = 70  # cells from which there is room for bars beside sizes
FRAME_LINES = 6  # lines that are no levels: three above, the columns' names, two below

Level = tuple[str, str]  # price and size, in the exchange's own digits


class BookView(msgspec.Struct, frozen=True):
    """A book with what led to it.

    `number` counts the token's events from 1; `bids` and `asks` begin with the best, `bid_levels` and
    `ask_levels` tell how many there are in all. `touched` holds (side, price) of what `event` changed.
    `book` is False where there is no book to show; `unknown` says since when and why, where something unreadable has
    voided it. `timestamp_ms` is the exchange's, 0 where unknown. `differing` levels of a book that had diverged were
    wrong until this snapshot.
    """

    token: Token
    number: int
    received_at_ns: int
    event: str
    verdict: str
    exchange: Exchange
    book: bool = False
    unknown: Unknown | None = None
    timestamp_ms: int = 0
    hash: str = ""
    tick_size: str = ""
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    bid_levels: int = 0
    ask_levels: int = 0
    touched: frozenset[tuple[str, str]] = frozenset()
    differing: tuple[DifferingLevel, ...] = ()


def render(
    view: BookView, width: int, height: int, *, colours: bool = False, hint: str = "", note: str = ""
) -> list[str]:
    """At most `height` lines of at most `width` cells; `note` stands above `hint`, in the last lines."""
    lines = [*_head(view, width), *_levels(view, width, max(height - FRAME_LINES, 0))]
    lines = lines[: max(height - 2, 0)]
    lines += [[*_figures(view), (f"   {note}" if note else "", "warn")], [(f" {hint}", "dim")]]
    shown = [fit(line, width) for line in lines[:height]]
    return [painted(line) if colours else plain(line) for line in shown]


def _head(view: BookView, width: int) -> list[Line]:
    name = f" {view.token.market_slug or view.token.token_id}  {view.token.outcome}"
    count = f"event {view.number:,} "
    simulated = "simulated  " if view.exchange == "simulated" else ""
    verdict_colour = {"agree": "good", "differs": "bad"}.get(view.verdict.partition(":")[0], "dim")
    return [
        [
            (left(name, max(width - cells(simulated + count), 0)), "title"),
            (simulated, "warn"),
            (count, "dim"),
        ],
        [(f" {utc_text(view.received_at_ns).replace('T', ' ')}", "bold"), (_age(view), "dim")],
        [(f" {view.event}", ""), ("   hash " if view.verdict else "", "dim"), (view.verdict, verdict_colour)],
    ]


def _age(view: BookView) -> str:
    if not view.timestamp_ms:
        return ""
    late_s = (view.received_at_ns - view.timestamp_ms * NS_PER_MS) / NS_PER_SECOND
    stamp = utc_text(view.timestamp_ms * NS_PER_MS)[11:23]
    return f"   book of {stamp}, {late_s:,.3f} s before"


def _levels(view: BookView, width: int, room: int) -> list[Line]:
    if not view.book:
        return [[], [(f"   {_why_none(view)}", "warn")]]
    half = max((width - 3) // 2, 0)
    most = max((float(size) for _, size in (*view.bids, *view.asks)), default=0.0) or 1.0
    columns = _widths((*view.bids, *view.asks))
    bar_room = half - sum(columns) - 4 if width >= NARROWEST_BARS else 0
    lines: list[Line] = [_names(columns, half, bar_room)]
    for at in range(min(room, max(len(view.bids), len(view.asks)))):
        bid = _cells(view, "BUY", at, columns, bar_room, most)
        ask = _cells(view, "SELL", at, columns, bar_room, most)
        lines.append([*fit(bid[::-1], half, pad=True), ("   ", ""), *fit(ask, half)])
    return lines


def _why_none(view: BookView) -> str:
    unknown = view.unknown
    if unknown is None:
        return "there is no book here: none has come in this session yet"
    return f"the book is not known since {utc_text(unknown.since_ns)}: {unknown.reason} cannot be read"


def _widths(levels: Sequence[Level]) -> tuple[int, int]:
    prices = max((len(price) for price, _ in levels), default=0)
    sizes = max((len(size) for _, size in levels), default=0)
    return max(prices, len("price")), max(sizes, len("size"))


def _names(columns: tuple[int, int], half: int, bar_room: int) -> Line:
    price_width, size_width = columns
    bar_cells = " " * (bar_room + 1) if bar_room > 0 else ""
    bids = f"{bar_cells}{right('size', size_width)}  {right('price', price_width)}"
    asks = f"{left('price', price_width)}  {right('size', size_width)}"
    return [*fit([(bids, "dim")], half, pad=True), ("   ", ""), (asks, "dim")]


def _cells(view: BookView, side: str, at: int, columns: tuple[int, int], bar_room: int, most: float) -> Line:
    """Price, size and bar of a level, the price first; blanks where the side has no such level."""
    levels = view.bids if side == "BUY" else view.asks
    price, size = levels[at] if at < len(levels) else ("", "")
    text_of_bar = "█" * round(float(size or 0) / most * bar_room) if bar_room > 0 else ""
    align = left if side == "SELL" else right
    colour = "good" if side == "BUY" else "bad"
    shade = "bold" if (side, price) in view.touched else ""
    spans: Line = [(align(price, columns[0]), colour), ("  ", ""), (right(size, columns[1]), shade)]
    return [*spans, (" ", ""), (align(text_of_bar, bar_room), colour)] if bar_room > 0 else spans


def _figures(view: BookView) -> Line:
    if not (view.bids and view.asks):
        shown = ""
    else:
        bid, ask = Decimal(view.bids[0][0]), Decimal(view.asks[0][0])
        shown = f" spread {ask - bid}   mid {(bid + ask) / 2}  "
    tick = f"   tick {view.tick_size}" if view.tick_size else ""
    return [(shown, ""), (f" {view.bid_levels} bids, {view.ask_levels} asks{tick}", "dim")]
