"""Reads one market object of Gamma: foreign data in, either a market or the field that makes it unreadable."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from common.core.discovery.gamma_values import name_of, shown, truth_of, value_of
from common.core.discovery.market_window import WindowTimes, events_of, window_of
from common.core.discovery.outcome_ids import Oddity, read_outcome_ids
from common.core.instants import utc_text
from common.core.market import Market, Token, canonical_condition_id

_SAFE_SLUG = re.compile(r"[a-z0-9-]{1,200}")  # slugs come near paths and metrics: nothing else passes
_KEPT_OF_UNSAFE_SLUG = 60
_CONDITION_ID = re.compile(r"0x[0-9a-fA-F]{1,64}")
_OVER = frozenset({"resolved"})


class Outline(msgspec.Struct, frozen=True):
    """All of a market object but its tokens. `window` is None for a market that trades until it is closed.

    `closed` is the reason why its tokens have no book, empty where they may have one.
    """

    slug: str
    condition_id: str
    series: str
    window: WindowTimes | None
    accepting_orders: bool
    closed: str
    oddities: tuple[Oddity, ...]


def read_outline(raw: Mapping[str, Any], series: str) -> Outline:
    """What the object says beside its tokens, of the series it was found to be of. Raises UnreadableError."""
    oddities: list[Oddity] = []
    return Outline(
        slug=slug_of(raw, oddities),
        condition_id=condition_id_of(raw, oddities),
        series=series,
        window=window_of(raw, series, oddities),
        accepting_orders=truth_of(value_of(raw, "acceptingOrders")) is not False,
        closed=why_closed(raw),
        oddities=tuple(oddities),
    )


def read_market(raw: Mapping[str, Any], outline: Outline) -> tuple[Market, tuple[Oddity, ...]]:
    """The market, and all that was not as documented in it. Raises UnreadableError."""
    ids = read_outcome_ids(raw)
    window = outline.window
    start, end = (utc_text(window.start_ns), utc_text(window.end_ns)) if window else ("", "")
    tokens = tuple(
        Token(outline.slug, outline.condition_id, token_id, outcome, end, ids.protocol)
        for token_id, outcome in ids.tokens
    )
    market = Market(
        outline.slug, outline.condition_id, outline.series, start, end, tokens, protocol=ids.protocol
    )
    return market, (*outline.oddities, *ids.oddities)


def slug_of(raw: Mapping[str, Any], oddities: list[Oddity]) -> str:
    """The slug; where it is unsafe or missing a safe name that stays the same for the same market."""
    told = name_of(value_of(raw, "slug")) or name_of(value_of(raw, "marketSlug"))
    if not told:
        oddities.append(
            Oddity("slug", "slug is missing: the market is named after its event or its question")
        )
        told = next((text for event in events_of(raw) if (text := name_of(value_of(event, "slug")))), "")
        told = told or name_of(value_of(raw, "question")) or f"market {name_of(value_of(raw, 'id'))}"
    if _SAFE_SLUG.fullmatch(told):
        return told
    kept = re.sub(r"[^a-z0-9]+", "-", told.lower())[:_KEPT_OF_UNSAFE_SLUG].strip("-")
    return f"{kept}-{hashlib.sha256(told.encode()).hexdigest()[:12]}".lstrip("-")


def condition_id_of(raw: Mapping[str, Any], oddities: list[Oddity]) -> str:
    """The condition id in its canonical form, empty where it is missing or malformed."""
    told = value_of(raw, "conditionId")
    if isinstance(told, str) and _CONDITION_ID.fullmatch(told.strip()):
        return canonical_condition_id(told.strip())
    oddities.append(Oddity("conditionId", f"conditionId is missing or malformed: {shown(str(told))!r}"))
    return ""


def why_closed(raw: Mapping[str, Any]) -> str:
    """Why the tokens of a market have no book by its object, empty where they may have one."""
    closed = truth_of(value_of(raw, "closed"))
    statuses = {name_of(value_of(raw, name)).lower() for name in ("umaResolutionStatus", "resolutionStatus")}
    if closed or (closed is None and (value_of(raw, "closedTime") or statuses & _OVER)):
        return "closed: settled tokens have no book"
    if truth_of(value_of(raw, "active")) is False:
        return "not active"
    if truth_of(value_of(raw, "enableOrderBook")) is False:
        return "it has no order book"
    return ""
