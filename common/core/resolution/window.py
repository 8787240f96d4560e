"""One window of a recording: what was told of it and by whom, what the prices make of it, and what contradicts what."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from common.core.instants import NS_PER_SECOND
from common.core.resolution.answers import Told
from common.core.resolution.settlement import (
    NEEDED_NS,
    Points,
    Settled,
    Unknown,
    settling_price,
    winner_of,
)

NO_PRICES = "no reference prices of this coin are recorded"


class WindowFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A market's window. Instants are nanoseconds since 1970; what is not known is empty, or null.

    `told` is the outcome by who told it: `gamma`, `data_api`, `websocket`. `winner` is what all of them agree on, empty
    while nobody has told one or they disagree. `recomputed` is the winner by the prices, or empty with the reason in
    `not_recomputed`. Prices are decimal texts with all their digits. `lowest`, `highest` and `prices` are of the
    settlement prices within the window. Of the books: `trades` are those that the fuller leg has, `messages` those that
    name the token which more of them name, `coverage` the share of the time since the first subscription that was
    recorded, `condition` the worst in the ledgers.
    """

    market_slug: str
    condition_id: str
    series: str
    start_ns: int
    end_ns: int
    outcomes: tuple[str, ...]
    exchange: str = ""
    question: str = ""
    strike: str = ""
    strike_source: str = ""
    final: str = ""
    final_source: str = ""
    lowest: str = ""
    highest: str = ""
    prices: int = 0
    told: Mapping[str, str] = {}
    corrected: bool = False
    reporter: str = ""
    resolved_at: str = ""
    winner: str = ""
    recomputed: str = ""
    not_recomputed: str = ""
    trades: int | None = None
    messages: int | None = None
    coverage: float | None = None
    condition: str = ""
    findings: tuple[str, ...] = ()

    @property
    def coin(self) -> str:
        """What its prices are of, in the short form that the reference stream has: `btc`."""
        return self.series.partition("-up-or-down-")[0]


class Path(msgspec.Struct, frozen=True):
    """The settlement prices of a coin in the order of the source's time; `points` are the same with what was repeated.

    They are the source's averages where it told any, else its plain prices.
    """

    points: Points
    instants: Sequence[int]
    values: Sequence[Decimal]


def with_tellings(window: WindowFacts, tellings: Mapping[str, Sequence[Told]]) -> WindowFacts:
    """With what each source said of it, in the order in which it was heard; an empty winner takes one back."""
    newest = {source: told[-1] for source, told in tellings.items() if told and told[-1].winner}
    winners = {told.winner for told in newest.values()}
    disputed = len(winners) > 1
    words = ", ".join(f"{source} says {told.winner}" for source, told in sorted(newest.items()))
    return msgspec.structs.replace(
        window,
        told={source: told.winner for source, told in newest.items()},
        corrected=any(len({told.winner for told in each}) > 1 for each in tellings.values()),
        reporter=next((told.reporter for told in newest.values() if told.reporter), ""),
        resolved_at=next((told.resolved_at for told in newest.values() if told.resolved_at), ""),
        winner=next(iter(winners)) if len(winners) == 1 else "",
        findings=(*window.findings, *([f"the sources disagree: {words}"] if disputed else [])),
    )


def with_prices(window: WindowFacts, path: Path | None) -> WindowFacts:
    """With its strike, its settlement and the winner by them. A strike that the exchange told stays what it is."""
    told = Settled(Decimal(window.strike), "exchange") if window.strike else None
    if path is None:
        unknown = Unknown(NO_PRICES)
        return _settled(window, told or unknown, unknown, "")
    strike, final = settling_price(path.points, window.start_ns), settling_price(path.points, window.end_ns)
    window = _with_course(window, path)
    own = "" if isinstance(strike, Unknown) else _text(strike.value)
    return _settled(window, strike if told is None or own else told, final, own)


def _settled(
    window: WindowFacts, strike: Settled | Unknown, final: Settled | Unknown, own_strike: str
) -> WindowFacts:
    winner = winner_of(strike, final, window.outcomes)
    recomputed = winner if isinstance(winner, str) else ""
    findings = list(window.findings)
    findings += [
        f"{source} says {each}, and the prices give {recomputed}"
        for source, each in sorted(window.told.items())
        if recomputed and each != recomputed
    ]
    known_strike = window.strike or own_strike
    return msgspec.structs.replace(
        window,
        strike=known_strike,
        strike_source=_strike_source(window, strike) if known_strike else "",
        final="" if isinstance(final, Unknown) else _text(final.value),
        final_source="" if isinstance(final, Unknown) else final.source,
        recomputed=recomputed,
        not_recomputed=winner.reason if isinstance(winner, Unknown) else "",
        findings=tuple(findings),
    )


def _strike_source(window: WindowFacts, strike: Settled | Unknown) -> str:
    if window.strike:
        return "exchange"
    return "" if isinstance(strike, Unknown) else strike.source


def _with_course(window: WindowFacts, path: Path) -> WindowFacts:
    within = path.values[
        bisect_left(path.instants, window.start_ns) : bisect_right(path.instants, window.end_ns)
    ]
    if not within:
        return window
    return msgspec.structs.replace(
        window, lowest=_text(min(within)), highest=_text(max(within)), prices=len(within)
    )


def path_of(points: Points) -> Path | None:
    """The prices in order; None without any."""
    found = points.averages or points.plain
    ordered = sorted(found.items())
    return Path(points, [at for at, _ in ordered], [value for _, value in ordered]) if ordered else None


def needed_span(windows: Sequence[WindowFacts]) -> tuple[int, int]:
    """From when to when prices are needed, by the source's time."""
    starts, ends = [each.start_ns for each in windows], [each.end_ns for each in windows]
    return min(starts) - NEEDED_NS, max(ends) + NS_PER_SECOND


def _text(value: Decimal) -> str:
    return format(value.normalize(), "f")
