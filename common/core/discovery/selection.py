"""Which of the markets that Gamma names are recorded now, and why each was taken or left."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from common.core.discovery.gamma_market import Outline
from common.core.discovery.market_window import WindowTimes
from common.core.discovery.offers import (
    Copies,
    Offer,
    Readable,
    Trouble,
    best_of,
    copies_of,
    left_candidate,
    outlines_of,
    safe_slug,
)
from common.core.discovery.outcome_ids import NoIdsYetError, UnreadableError
from common.core.discovery.taken_markets import (
    NOT_LISTED,
    Closed,
    Kept,
    same_market_index,
    with_what_was_taken,
)
from common.core.discovery.wanted_markets import Wanted
from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.market import Candidate, Market

_NEVER = 2**63  # the end of a market that trades until it is closed
_ACCEPTS_NO_ORDERS = "accepts no orders yet: looked at again at the next refresh"


class Rules(msgspec.Struct, frozen=True):
    """What is asked for: the settings of `discovery`. `market_limit` 0 means no limit."""

    wanted: Wanted
    lookahead_seconds: float
    market_end_grace_seconds: float
    market_limit: int = 0


class Before(msgspec.Struct, frozen=True):
    """What was recorded until now, and the slugs of it that Gamma has confirmed to be closed."""

    markets: tuple[Market, ...] = ()
    closed: Closed = frozenset()


NOTHING_BEFORE = Before()


class Selection(msgspec.Struct, frozen=True):
    """Markets in the order of recording, one candidate for each market, those taken first, and what was odd.

    `unreadable` are open markets of the selection that are not recorded, `odd` are recorded all the same.
    `said_closed` are the slugs of which an object said that they are closed; `not_listed` are those recorded before
    and open by the calendar of which no readable object came.
    """

    markets: tuple[Market, ...]
    candidates: tuple[Candidate, ...]
    unreadable: tuple[Trouble, ...]
    odd: tuple[Trouble, ...]
    said_closed: frozenset[str]
    not_listed: tuple[Market, ...]


class _Entry(msgspec.Struct, frozen=True):
    market: Market
    window: WindowTimes | None
    remark: str
    is_new: bool


class _LeftError(Exception):
    """Why a readable market is not recorded now."""


def select_markets(
    offers: Iterable[Offer], *, nows: Sequence[int], rules: Rules, before: Before = NOTHING_BEFORE
) -> Selection:
    """What to record of the objects that Gamma gave and of what was recorded before.

    `nows` are the instants that it may be now, the likeliest first: a market is due if it is at any of them.
    Live windows come first (soonest end first), then upcoming ones by start, then those that ended within the
    grace: a limit must never prefer a window that is over. What was taken before stays until it is over. Any
    objects are borne; never raises.
    """
    read = _read(offers, nows, rules, same_market_index(before.markets))
    kept = with_what_was_taken(
        [readable.market for readable in read.found.values()],
        before.markets,
        closed=before.closed,
        labels=rules.wanted.labels,
        nows=nows,
        grace_seconds=rules.market_end_grace_seconds,
    )
    odd = [*read.odd, *(Trouble(change.field, change.slug, change.reason) for change in kept.changes)]
    markets, candidates = _limited([_entry(each) for each in kept.markets], nows[0], rules.market_limit)
    recorded = {market.slug for market in markets}
    return Selection(
        markets,
        (*candidates, *kept.left, *(each for each in read.left if each.slug not in recorded)),
        unreadable=tuple(each for each in read.unreadable if each.slug not in recorded),
        odd=(*odd, *(each for each in read.unreadable if each.slug in recorded)),
        said_closed=frozenset(read.said_closed),
        not_listed=tuple(each.market for each in kept.markets if each.remark == NOT_LISTED),
    )


class _Read(msgspec.Struct):
    found: dict[tuple[str, ...], Readable] = {}
    left: list[Candidate] = []
    unreadable: list[Trouble] = []
    odd: list[Trouble] = []
    said_closed: set[str] = set()


def _read(
    offers: Iterable[Offer], nows: Sequence[int], rules: Rules, taken_before: Mapping[str, Market]
) -> _Read:
    read = _Read()
    for copies in copies_of(offers, rules.wanted, read.left):
        slug = safe_slug(copies.objects[0])
        try:
            readable = _due(copies, nows, rules, was_taken=slug in taken_before, said_closed=read.said_closed)
        except UnreadableError as error:
            read.left.append(left_candidate(copies.objects[0], str(error)))
            read.unreadable.append(Trouble(error.field, slug, str(error)))
        except _LeftError as reason:
            read.left.append(left_candidate(copies.objects[0], str(reason)))
        else:
            read.odd += [Trouble(each.field, slug, each.reason) for each in readable.oddities]
            _merge(read.found, readable)
    return read


def _due(
    copies: Copies, nows: Sequence[int], rules: Rules, *, was_taken: bool, said_closed: set[str]
) -> Readable:
    outlined = list(outlines_of(copies))
    newest = outlined[0][1]
    if newest.closed:
        if newest.closed.startswith("closed"):
            said_closed.add(newest.slug)
        raise _LeftError(newest.closed)
    _refuse_by_time(newest.window, nows, rules)
    if not was_taken and not newest.accepting_orders and _is_upcoming(newest.window, nows):
        # A halted live window still has a book worth recording; one that has not opened may have none.
        raise _LeftError(_ACCEPTS_NO_ORDERS)
    try:
        return best_of(outlined, copies.labels)
    except NoIdsYetError as error:
        if _trades(newest, nows):
            raise
        raise _LeftError("it has no token ids yet") from error


def _trades(outline: Outline, nows: Sequence[int]) -> bool:
    return outline.accepting_orders or not (outline.window is None or _is_upcoming(outline.window, nows))


def _merge(found: dict[tuple[str, ...], Readable], readable: Readable) -> None:
    """Two objects with the same tokens are one market, whatever they call it."""
    key = tuple(sorted(token.token_id for token in readable.market.tokens))
    if key in found:
        labels = {*found[key].market.selected_by, *readable.market.selected_by}
        readable = found[key]
        market = msgspec.structs.replace(readable.market, selected_by=tuple(sorted(labels)))
        readable = msgspec.structs.replace(readable, market=market)
    found[key] = readable


def _refuse_by_time(window: WindowTimes | None, nows: Sequence[int], rules: Rules) -> None:
    if window is None:
        return
    grace_ns = rules.market_end_grace_seconds * NS_PER_SECOND
    lookahead_ns = rules.lookahead_seconds * NS_PER_SECOND
    if any(window.start_ns - lookahead_ns <= now < window.end_ns + grace_ns for now in nows):
        return
    if nows[0] >= window.end_ns + grace_ns:
        raise _LeftError(f"ended more than {rules.market_end_grace_seconds:g} s ago")
    raise _LeftError(f"starts later than {rules.lookahead_seconds:g} s from now")


def _is_upcoming(window: WindowTimes | None, nows: Sequence[int]) -> bool:
    return window is not None and all(now < window.start_ns for now in nows)


def _entry(kept: Kept) -> _Entry:
    market, window = kept.market, None
    if market.end_time_utc:
        start_ns = parse_utc_ns(market.start_time_utc) if market.start_time_utc else 0
        window = WindowTimes(start_ns, parse_utc_ns(market.end_time_utc))
    return _Entry(market, window, kept.remark, kept.is_new)


def _limited(
    entries: list[_Entry], now_ns: int, market_limit: int
) -> tuple[tuple[Market, ...], list[Candidate]]:
    """The markets, and their candidates with those left. A window that is just ending takes no other's place."""
    entries.sort(key=lambda entry: _rank(entry, now_ns))
    ending = [entry for entry in entries if _is_ending(entry, now_ns)]
    others = [entry for entry in entries if not _is_ending(entry, now_ns)]
    first = sorted(others, key=lambda entry: entry.is_new)  # stable: what is recorded is not left for another
    chosen = {entry.market.slug for entry in [*first[: market_limit or len(first)], *ending]}
    taken = [entry for entry in entries if entry.market.slug in chosen]
    over = [entry for entry in entries if entry.market.slug not in chosen]
    return (
        tuple(entry.market for entry in taken),
        [
            *(_candidate(entry, _why(entry, now_ns), taken=True) for entry in taken),
            *(_candidate(entry, "over the market limit", taken=False) for entry in over),
        ],
    )


_LIVE, _UPCOMING, _OVER = range(3)


def _is_ending(entry: _Entry, now_ns: int) -> bool:
    return not entry.is_new and _rank(entry, now_ns)[0] == _OVER


def _rank(entry: _Entry, now_ns: int) -> tuple[int, int, str]:
    window, slug = entry.window, entry.market.slug
    if window is None:
        return _LIVE, _NEVER, slug
    if now_ns < window.start_ns:
        return _UPCOMING, window.start_ns, slug
    return (_OVER if now_ns >= window.end_ns else _LIVE), window.end_ns, slug


def _why(entry: _Entry, now_ns: int) -> str:
    window = entry.window
    suffix = f"; {entry.remark}" if entry.remark else ""
    if window is None:
        return f"open, without a window{suffix}"
    if now_ns < window.start_ns:
        return f"upcoming, starts in {_seconds(window.start_ns - now_ns)}{suffix}"
    if now_ns >= window.end_ns:
        return f"ended {_seconds(now_ns - window.end_ns)} ago, still within the grace{suffix}"
    return f"live, ends in {_seconds(window.end_ns - now_ns)}{suffix}"


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns // NS_PER_SECOND} s"


def _candidate(entry: _Entry, reason: str, *, taken: bool) -> Candidate:
    return Candidate(entry.market.slug, entry.market.condition_id, taken=taken, reason=reason)
