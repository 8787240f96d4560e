"""Absent is not closed: what was taken stays until its window is over, whatever a listing leaves out or garbles."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.market import Candidate, Market

MOST_TOKENS = 16  # of a market whose ids keep changing
NOT_LISTED = "not in Gamma's answer now, recorded as before"
CLOSED = "closed: Gamma said so again when it was asked for this market"
NOT_SELECTED = "no longer selected by the settings"

Closed = frozenset[str]


class Kept(msgspec.Struct, frozen=True):
    """A market to record, whether it is recorded for the first time, and what is special about it."""

    market: Market
    is_new: bool = True
    remark: str = ""


class Change(msgspec.Struct, frozen=True):
    """A recorded market of which Gamma now says something else."""

    field: str
    slug: str
    reason: str


class KeptMarkets(msgspec.Struct, frozen=True):
    """All markets to record, what was left of those recorded before, and what changed about those that stay."""

    markets: tuple[Kept, ...]
    left: tuple[Candidate, ...]
    changes: tuple[Change, ...]


def with_what_was_taken(
    found: Iterable[Market],
    before: Iterable[Market],
    *,
    closed: Closed,
    labels: Collection[str],
    nows: Sequence[int],
    grace_seconds: float,
) -> KeptMarkets:
    """The markets found now and those of `before` that are not over.

    `closed` are slugs that Gamma has confirmed to be closed: such a market leaves, unless its window has ended and
    its last messages are still to come. `labels` are the items of the settings.
    """
    by_name = same_market_index(found)
    kept: list[Kept] = []
    left: list[Candidate] = []
    changes: list[Change] = []
    for known in before:
        again = next((by_name[name] for name in _names(known) if name in by_name), None)
        if again is not None:
            known = _labelled(known, again.selected_by)  # noqa: PLW2901 - the same market, known better
        ending = _ended(known, nows, 0)
        if _ended(known, nows, grace_seconds):
            continue
        if not ending and not _is_selected(known, labels):
            left.append(_left(known, NOT_SELECTED))
        elif not ending and known.slug in closed:
            left.append(_left(known, CLOSED))
        elif again is None:
            kept.append(Kept(known, is_new=False, remark="" if ending else NOT_LISTED))
        else:
            kept.append(Kept(_joined(known, again, changes), is_new=False))
    gone = {candidate.slug for candidate in left}
    new = [market for market in _new(by_name, kept) if market.slug not in gone]
    return KeptMarkets((*kept, *map(Kept, new)), tuple(left), tuple(changes))


def _new(by_name: Mapping[str, Market], kept: Iterable[Kept]) -> list[Market]:
    recorded = same_market_index(each.market for each in kept)
    each_once = {id(market): market for market in by_name.values()}.values()
    return [market for market in each_once if not any(name in recorded for name in _names(market))]


def same_market_index(markets: Iterable[Market]) -> Mapping[str, Market]:
    """The markets by each name that identifies one: slug, condition id, token ids."""
    return {name: market for market in markets for name in _names(market)}


def _names(market: Market) -> list[str]:
    names = [market.slug, market.condition_id, *(token.token_id for token in market.tokens)]
    return [name for name in names if name]


def _is_selected(market: Market, labels: Collection[str]) -> bool:
    return any(label in labels for label in market.selected_by or (f"series {market.series}",))


def _ended(market: Market, nows: Sequence[int], after_seconds: float) -> bool:
    """Whether its window has been over for so long, by all clocks; never for a market without a window."""
    if not market.end_time_utc:
        return False
    end_ns = parse_utc_ns(market.end_time_utc) + after_seconds * NS_PER_SECOND
    return all(now >= end_ns for now in nows)


def _labelled(known: Market, labels: tuple[str, ...]) -> Market:
    return msgspec.structs.replace(known, selected_by=labels or known.selected_by)


def _joined(known: Market, again: Market, changes: list[Change]) -> Market:
    """The market as it was taken, with a later end and with ids that are new.

    Its tokens stay the same values while nothing about them changes: a token that differs is subscribed again.
    """
    if _ended_ns(again) > _ended_ns(known) or (again.condition_id and not known.condition_id):
        known = _retold(known, again)
    ids = {token.token_id for token in known.tokens}
    added = [token for token in again.tokens if token.token_id not in ids]
    if not added:
        return known
    room = max(MOST_TOKENS - len(known.tokens), 0)
    reason = "its token ids changed while it was recorded: " + (
        "both the old and the new ones are recorded"
        if len(added) <= room
        else "the new ones are not recorded"
    )
    changes.append(Change("version" if again.protocol != known.protocol else "token ids", known.slug, reason))
    return msgspec.structs.replace(known, tokens=(*known.tokens, *added[:room]))


def _retold(known: Market, again: Market) -> Market:
    changed = {"condition_id": again.condition_id or known.condition_id, "end_time_utc": again.end_time_utc}
    tokens = tuple(msgspec.structs.replace(token, **changed) for token in known.tokens)
    return msgspec.structs.replace(known, tokens=tokens, **changed)


def _ended_ns(market: Market) -> int:
    return parse_utc_ns(market.end_time_utc) if market.end_time_utc else 0


def _left(market: Market, reason: str) -> Candidate:
    return Candidate(market.slug, market.condition_id, taken=False, reason=reason)
