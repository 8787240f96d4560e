"""What is recorded, for the page: searched, in the order of urgency, and one page of it at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.page.paging import paged

PAGE_SIZE = 50
Row = Mapping[str, Any]


class Doubts(msgspec.Struct, frozen=True):
    """What is known to be wrong with single tokens: a reason by token id."""

    by_token: Mapping[str, str]


def doubts_of(document: Row) -> Doubts:
    """The tokens that the run manifest names: those that diverged lately, and those that a problem is about."""
    found = {row["token_id"]: f"diverged at {row['found_at_utc'][11:19]}" for row in document["divergences"]}
    found |= {row["subject"]: row["reason"] for row in document["problems"] if row["subject"]}
    return Doubts(found)


def markets_view(document: Row, *, search: str, page: int, now_ns: int) -> dict[str, Any]:
    """One page of the markets whose slug, series, token or condition id holds `search`, live windows first."""
    markets = document["markets"]
    wanted = [market for market in markets if _matches(market, search.strip().lower())]
    in_order = sorted(wanted, key=lambda market: _order(market, now_ns))
    page, pages, place = paged(in_order, page, size=PAGE_SIZE)
    doubts = doubts_of(document)
    return {
        "recorded": len(markets),
        "found": len(in_order),
        "live": sum(_order(market, now_ns)[0] == 0 for market in markets),
        "page": page,
        "pages": pages,
        "markets": [_market(market, doubts, now_ns) for market in in_order[place]],
    }


def _matches(market: Row, search: str) -> bool:
    if not search:
        return True
    texts = [market["slug"], market["series"], market["condition_id"]]
    texts += [text for token in market["tokens"] for text in (token["token_id"], token["outcome"])]
    return any(search in text.lower() for text in texts)


def _instant_ns(text: str) -> int | None:
    """None for a market without a window, and for a text that is not an instant."""
    try:
        return parse_utc_ns(text) if text else None
    except ValueError:
        return None


def _order(market: Row, now_ns: int) -> tuple[int, int, str]:
    """Live windows by their end, then markets without one, then those to come, then those that are over."""
    start_ns, end_ns = _instant_ns(market["start_time_utc"]), _instant_ns(market["end_time_utc"])
    if end_ns is None:
        return (0, 1 << 62, market["slug"])
    if now_ns >= end_ns:
        return (2, -end_ns, market["slug"])
    if start_ns is not None and now_ns < start_ns:
        return (1, start_ns, market["slug"])
    return (0, end_ns, market["slug"])


def _market(market: Row, doubts: Doubts, now_ns: int) -> dict[str, Any]:
    start_ns, end_ns = _instant_ns(market["start_time_utc"]), _instant_ns(market["end_time_utc"])
    passed = None
    if start_ns is not None and end_ns is not None:
        passed = round(min(max((now_ns - start_ns) / max(end_ns - start_ns, 1), 0.0), 1.0), 4)
    wrong = _wrong(market["tokens"], doubts)
    return {
        "slug": market["slug"],
        "condition_id": market["condition_id"],
        "series": market["series"],
        "phase": ("live", "coming", "over")[_order(market, now_ns)[0]],
        "start_time_utc": market["start_time_utc"],
        "end_time_utc": market["end_time_utc"],
        "passed": passed,
        "left_seconds": None if end_ns is None else round((end_ns - now_ns) / NS_PER_SECOND, 1),
        "tokens": [{key: token[key] for key in ("token_id", "outcome")} for token in market["tokens"]],
        "protocol": market.get("protocol", ""),
        "verdict": wrong,
    }


def _wrong(tokens: Sequence[Row], doubts: Doubts) -> str:
    """What is wrong with a market's tokens, as a message; empty where nothing is known to be."""
    reasons = [
        f"{token['outcome']}: {doubts.by_token[token['token_id']]}"
        for token in tokens
        if token["token_id"] in doubts.by_token
    ]
    return ", ".join(reasons)
