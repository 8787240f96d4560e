"""Which of the markets that Gamma names are recorded now, and why each was taken or left."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from common.core.gamma_market import RefusedError, Window, read_window, series_of, shown
from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.market import Candidate, Market


class Rules(msgspec.Struct, frozen=True):
    """What is asked for: the settings of `discovery`. `market_limit` 0 means no limit."""

    series: tuple[str, ...]
    lookahead_seconds: float
    market_end_grace_seconds: float
    market_limit: int = 0


def select_markets(
    objects: Iterable[object], *, now_ns: int, rules: Rules
) -> tuple[tuple[Market, ...], tuple[Candidate, ...]]:
    """Markets in the order of recording, and one candidate for each object: first those taken, in that order.

    Live windows come first (soonest end first), then upcoming ones by start, then those that ended within the
    grace: a limit must never prefer a window that is over. Any objects are borne; never raises.
    """
    left: list[Candidate] = []
    windows: list[Window] = []
    for raw in _freshest(objects, left):
        try:
            window = read_window(raw, _wanted_series(raw, rules))
            _refuse_by_time(window, now_ns, rules)
        except RefusedError as reason:
            left.append(_left(raw, str(reason)))
        else:
            windows.append(window)
    windows.sort(key=lambda window: _rank(window, now_ns))
    limit = rules.market_limit or len(windows)
    taken = [_candidate(window, _why(window, now_ns), taken=True) for window in windows[:limit]]
    over = [_candidate(window, "over the market limit", taken=False) for window in windows[limit:]]
    return tuple(window.market for window in windows[:limit]), (*taken, *over, *left)


def keep_ending(
    previous: Iterable[Market], found: Iterable[Market], *, now_ns: int, grace_seconds: float
) -> tuple[Market, ...]:
    """`found`, and behind it the markets of `previous` that Gamma no longer lists but whose grace still runs.

    Gamma closes a market before the last messages of its window have come; a recorder must not leave then.
    """
    merged = {market.condition_id: market for market in found}
    for market in previous:
        end_ns = parse_utc_ns(market.end_time_utc) if market.end_time_utc else 0
        if end_ns <= now_ns < end_ns + grace_seconds * NS_PER_SECOND:
            merged.setdefault(market.condition_id, market)
    return tuple(merged.values())


def _freshest(objects: Iterable[object], left: list[Candidate]) -> list[Mapping[str, Any]]:
    """One object per condition id, the one updated last; the others, and what is no object, are left."""
    kept: dict[object, Mapping[str, Any]] = {}
    for position, raw in enumerate(objects):
        if not isinstance(raw, dict):
            left.append(Candidate("", "", taken=False, reason="not an object"))
            continue
        condition_id = raw.get("conditionId")
        key = condition_id if isinstance(condition_id, str) else position
        known = kept.get(key)
        if known is not None:
            raw, older = (raw, known) if _updated(raw) > _updated(known) else (known, raw)  # noqa: PLW2901
            left.append(_left(older, "an older copy of a market named twice"))
        kept[key] = raw
    return list(kept.values())


def _updated(raw: Mapping[str, Any]) -> int:
    value = raw.get("updatedAt")
    try:
        return parse_utc_ns(value) if isinstance(value, str) else 0
    except (ValueError, OverflowError):
        return 0


def _wanted_series(raw: Mapping[str, Any], rules: Rules) -> str | None:
    series = series_of(raw)
    if series is not None and series not in rules.series:
        raise RefusedError("of a series that is not asked for")
    return series


def _refuse_by_time(window: Window, now_ns: int, rules: Rules) -> None:
    if now_ns >= window.end_ns + rules.market_end_grace_seconds * NS_PER_SECOND:
        raise RefusedError(f"ended more than {rules.market_end_grace_seconds:g} s ago")
    if now_ns < window.start_ns - rules.lookahead_seconds * NS_PER_SECOND:
        raise RefusedError(f"starts later than {rules.lookahead_seconds:g} s from now")
    if now_ns < window.start_ns and not window.accepting_orders:
        # A halted live window still has a book worth recording; one that has not opened may have none.
        raise RefusedError("accepts no orders yet: looked at again at the next refresh")


def _rank(window: Window, now_ns: int) -> tuple[int, int, str]:
    if now_ns < window.start_ns:
        return 1, window.start_ns, window.market.slug
    return (2 if now_ns >= window.end_ns else 0), window.end_ns, window.market.slug


def _why(window: Window, now_ns: int) -> str:
    if now_ns < window.start_ns:
        return f"upcoming, starts in {_seconds(window.start_ns - now_ns)}"
    if now_ns >= window.end_ns:
        return f"ended {_seconds(now_ns - window.end_ns)} ago, still within the grace"
    return f"live, ends in {_seconds(window.end_ns - now_ns)}"


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns // NS_PER_SECOND} s"


def _candidate(window: Window, reason: str, *, taken: bool) -> Candidate:
    return Candidate(window.market.slug, window.market.condition_id, taken=taken, reason=reason)


def _left(raw: Mapping[str, Any], reason: str) -> Candidate:
    return Candidate(shown(raw.get("slug")), shown(raw.get("conditionId")), taken=False, reason=reason)
