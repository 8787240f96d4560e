"""The document of the websocket stream, from what was followed of each of its legs and from the tokens' entries."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from common.core.events.not_understood import NotUnderstood
from common.core.instants import utc_text
from common.core.ledger.document import (
    LEDGER_SCHEMA_VERSION,
    Condition,
    FeedLedger,
    GapTime,
    HourGap,
    LedgerArchive,
    TokenHour,
    Window,
    as_told,
    left_open,
    runs_of,
    seconds,
    windows_not_recorded,
    worst,
)
from common.core.ledger.feed_window import FeedHour
from common.core.ledger.legs_document import FeedLegs
from common.core.number_runs import Run, common, joined, without
from common.core.rows.names import WS_RAW
from common.core.rows.origin import LEGS


class Sources(msgspec.Struct, frozen=True):
    """The archives that a ledger is made of, and the names of those that could not be read to their end."""

    archives: tuple[LedgerArchive, ...]
    unreadable: tuple[str, ...]


def feed_ledger(
    window: Window,
    legs: Sequence[FeedHour],
    tokens: Iterable[TokenHour],
    sources: Sources,
    gained: FeedLegs | UnsetType = UNSET,
) -> FeedLedger:
    """The document of one leg or of two, which are settled. A gap of one of two legs is left to the tokens."""
    ordered = tuple(sorted(tokens, key=lambda token: (token.market_slug, token.outcome, token.token_id)))
    sessions = joined(run for leg in legs for run in leg.session_runs())
    in_gaps = _in_all(legs)
    accounted = [run for leg in legs for run in runs_of(gap for gap in leg.gaps if gap.of_all)]
    unaccounted = left_open([window.run], [*sessions, *accounted])
    not_understood = NotUnderstood()
    for leg in legs:
        not_understood.add(leg.not_understood)
    conditions: list[Condition] = [
        "gap" if each.condition == "missing" else each.condition for each in ordered
    ]
    conditions += ["gap"] if unaccounted or _harmful(legs, in_gaps) else []
    conditions += ["degraded"] if all(leg.not_understood.events for leg in legs) else []
    return FeedLedger(
        schema_version=LEDGER_SCHEMA_VERSION,
        stream=WS_RAW,
        from_utc=utc_text(window.from_ns),
        to_utc=utc_text(window.to_ns),
        condition=worst(conditions) if sessions else "missing",
        connected_seconds=seconds(without(sessions, in_gaps)),
        unaccounted_seconds=seconds(unaccounted),
        checks_passed=sum(token.checks_passed for token in ordered),
        divergences=sum(token.divergences for token in ordered),
        wrong_batches=sum(token.wrong_batches for token in ordered),
        longest_pause_seconds=max((seconds([run]) for run in (*in_gaps, *unaccounted)), default=0.0),
        gaps=gaps_told([leg.gaps for leg in legs]),
        unusable=not_understood.unused(),
        unusual_forms=not_understood.forms,
        sessions=sum(leg.sessions for leg in legs),
        messages=sum(leg.messages for leg in legs),
        archives=sources.archives,
        unreadable=sources.unreadable,
        tokens=ordered,
        not_recorded=windows_not_recorded(gap for leg in legs for gap in leg.gaps),
        legs=gained,
    )


def gaps_told(legs: Sequence[Iterable[GapTime]]) -> tuple[HourGap, ...]:
    """The gaps of one leg as they are told, or those of two, each with its leg, in the order of time."""
    if len(legs) == 1:
        return as_told(legs[0])
    found = (each for leg, gaps in zip(LEGS, legs, strict=True) for each in as_told(gaps, leg))
    return tuple(sorted(found, key=lambda gap: (gap.from_utc, gap.to_utc, gap.cause)))


def _in_all(legs: Sequence[FeedHour]) -> list[Run]:
    """The time in which every leg was in a gap of everything that its producer records."""
    first, *others = (runs_of(gap for gap in leg.gaps if gap.of_all) for leg in legs)
    for other in others:
        first = common(first, other)
    return first


def _harmful(legs: Sequence[FeedHour], in_gaps: Sequence[Run]) -> bool:
    """Whether declared gaps say by themselves that something is missing of the window.

    Gaps of two legs at one time may be of different tokens: what is missing then is in the tokens' entries.
    """
    harmful = [gap for leg in legs for gap in leg.gaps if not gap.harmless]
    if len(legs) == 1:
        return bool(harmful)
    sessions = joined(run for leg in legs for run in leg.session_runs())
    harmless = runs_of(gap for leg in legs for gap in leg.gaps if gap.harmless)
    return any(gap.market_slug for gap in harmful) or bool(left_open(in_gaps, [*sessions, *harmless]))
