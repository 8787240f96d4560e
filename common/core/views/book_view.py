"""One token's book at one moment, and what is shown of it; `common/terminal/book_screen.py` draws that."""

from decimal import Decimal

import msgspec

from common.core.audit.unknown_books import Unknown
from common.core.books.snapshot import DifferingLevel
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.market import Exchange, Token
from common.core.terminal.text import Bar, Cell, Line, Row, Style, cell

NS_PER_MS = 1_000_000
_VERDICT_STYLES: dict[str, Style] = {"agree": "good", "differs": "bad"}

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


def head_lines(view: BookView) -> tuple[Line, Line, Line]:
    """Which token it is; when; and by what event, with what its hash says."""
    verdict_style: Style = _VERDICT_STYLES.get(view.verdict.partition(":")[0], "dim")
    return (
        [
            (f" {view.token.market_slug or view.token.token_id}  {view.token.outcome}", "title"),
        ],
        [(f" {utc_text(view.received_at_ns).replace('T', ' ')}", "bold"), (_age(view), "dim")],
        [(f" {view.event}", ""), ("   hash " if view.verdict else "", "dim"), (view.verdict, verdict_style)],
    )


def corner(view: BookView) -> Line:
    """What stands to the right of the first line: the number of the event, and whether the exchange is simulated."""
    simulated = "simulated  " if view.exchange == "simulated" else ""
    return [(simulated, "warn"), (f"event {view.number:,} ", "dim")]


def _age(view: BookView) -> str:
    if not view.timestamp_ms:
        return ""
    late_s = (view.received_at_ns - view.timestamp_ms * NS_PER_MS) / NS_PER_SECOND
    stamp = utc_text(view.timestamp_ms * NS_PER_MS)[11:23]
    return f"   book of {stamp}, {late_s:,.3f} s before"


def why_none(view: BookView) -> str:
    """Why there is no book to show."""
    unknown = view.unknown
    if unknown is None:
        return "there is no book here: none has come in this session yet"
    return f"the book is not known since {utc_text(unknown.since_ns)}: {unknown.reason} cannot be read"


def level_rows(view: BookView, most: int, *, bars: bool) -> list[Row]:
    """So many levels, the best first: bar, size, price of the bid; price, size, bar of the ask; with their names."""
    highest = max((float(size) for _, size in (*view.bids, *view.asks)), default=0.0) or 1.0
    names: Row = tuple(cell(name, "dim") for name in ("size", "price", "price", "size"))
    rows: list[Row] = [(cell(""), *names, cell("")) if bars else names]
    for at in range(min(most, max(len(view.bids), len(view.asks)))):
        bid_size, bid_price, bid_bar = _cells(view, "BUY", at, highest)
        ask_size, ask_price, ask_bar = _cells(view, "SELL", at, highest)
        row = (bid_size, bid_price, ask_price, ask_size)
        rows.append((bid_bar, *row, ask_bar) if bars else row)
    return rows


def _cells(view: BookView, side: str, at: int, highest: float) -> tuple[Cell, Cell, Cell]:
    """Size, price and bar of a level; blanks where the side has no such level."""
    levels = view.bids if side == "BUY" else view.asks
    price, size = levels[at] if at < len(levels) else ("", "")
    part = float(size or 0) / highest
    colour: Style = "good" if side == "BUY" else "bad"
    shade: Style = "bold" if (side, price) in view.touched else ""
    bar = Bar(1 - part, 1, colour) if side == "BUY" else Bar(0, part, colour)
    return cell(size, shade), cell(price, colour), bar


def figures(view: BookView) -> Line:
    """Spread and middle of the best prices, and how many levels there are."""
    if not (view.bids and view.asks):
        shown = ""
    else:
        bid, ask = Decimal(view.bids[0][0]), Decimal(view.asks[0][0])
        shown = f" spread {ask - bid}   mid {(bid + ask) / 2}  "
    tick = f"   tick {view.tick_size}" if view.tick_size else ""
    return [(shown, ""), (f" {view.bid_levels} bids, {view.ask_levels} asks{tick}", "dim")]
