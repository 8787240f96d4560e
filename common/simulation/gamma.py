"""Gamma's view of the windows: market and event objects in their live shape, and the filters of its lists.

Everything is a function of the calendar, the price and the clock; the HTTP side only passes the query on.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from common.core.instants import parse_utc_ns, utc_text
from common.simulation.model import MarketModel
from common.simulation.windows import Window

PAGE_LIMIT = 100
Document = dict[str, Any]
Query = Mapping[str, Sequence[str]]
NS = 1_000_000_000


class QueryError(ValueError):
    """A query that Gamma answers with 422."""


class Gamma:
    """Answers about the windows of a model; `now_s` is seconds since the epoch."""

    def __init__(self, model: MarketModel) -> None:
        self._model = model

    def market(self, slug: str, now_s: float) -> Document | None:
        """`/markets/slug/S`: the object whatever its state, or None."""
        window = self._model.calendar.by_slug.get(slug)
        return self._market(window, now_s, with_event=True) if window else None

    def event(self, slug: str, now_s: float) -> Document | None:
        """`/events/slug/S`: an event holds one market and has its slug."""
        window = self._model.calendar.by_slug.get(slug)
        return self._event(window, now_s, with_markets=True) if window else None

    def markets(self, query: Query, now_s: float) -> list[Document]:
        """`/markets`: without `closed=true` the closed ones are left out. Raises QueryError."""
        found = self._select({"closed": ["false"], **query}, now_s)
        return [self._market(window, now_s, with_event=True) for window in found[: _limit(query)]]

    def page(self, kind: str, query: Query, now_s: float) -> Document:
        """`/markets/keyset` or `/events/keyset`; no `next_cursor` on the last page. Raises QueryError."""
        found = self._select(query, now_s)
        start, limit = _cursor(query), _limit(query)
        shown = found[start : start + limit]
        if kind == "markets":
            listed = [self._market(window, now_s, with_event=True) for window in shown]
        else:
            listed = [self._event(window, now_s, with_markets=True) for window in shown]
        page: Document = {kind: listed}
        if start + limit < len(found):
            page["next_cursor"] = base64.urlsafe_b64encode(str(start + limit).encode()).decode()
        return page

    def _select(self, query: Query, now_s: float) -> list[Window]:
        found = list(self._model.calendar.by_slug.values())
        for name, matches in _FILTERS.items():
            for text in query.get(name, [])[:1] if name != "slug" else [",".join(query.get("slug", []))]:
                if text:
                    found = [window for window in found if matches(window, text, now_s)]
        order = _ORDERS.get(query.get("order", ["id"])[0], _ORDERS["endDate"])
        ascending = query.get("ascending", ["true"])[0].lower() != "false"
        return sorted(found, key=lambda window: (order(window), window.slug), reverse=not ascending)

    def _market(self, window: Window, now_s: float, *, with_event: bool) -> Document:
        closed = now_s >= window.closed
        fair = self._model.wander.fair(window, int(now_s * 1000)) / 1000
        winner = self._model.wander.winner(window) if closed else None
        prices = [f"{fair:.3f}", f"{1 - fair:.3f}"] if winner is None else [str(1 - winner), str(winner)]
        market: Document = {
            "id": window.id,
            "question": window.question,
            "conditionId": window.condition_id,
            "slug": window.slug,
            "resolutionSource": "https://data.chain.link/streams/btc-usd",
            "endDate": _second(window.end),
            "liquidity": "0",
            "startDate": _micros(window.created + 1),
            "description": window.description,
            "outcomes": json.dumps(window.outcomes),
            "outcomePrices": json.dumps(prices),
            "volume": "0",
            "active": True,
            "closed": closed,
            "createdAt": _micros(window.created),
            "updatedAt": _micros(now_s),
            "archived": False,
            "restricted": True,
            "questionID": window.question_id,
            "enableOrderBook": True,
            "orderPriceMinTickSize": 0.01,
            "orderMinSize": 5,
            "endDateIso": _second(window.end)[:10],
            "startDateIso": _second(window.created)[:10],
            "clobTokenIds": json.dumps(window.token_ids),
            "acceptingOrders": now_s < window.settled,
            "acceptingOrdersTimestamp": _second(window.created),
            "negRisk": False,
            "eventStartTime": _second(window.start),
            "feesEnabled": True,
            "feeType": "crypto_fees_v2",
            "spread": 0.01,
        }
        if closed:
            market["closedTime"] = _second(window.settled).replace("T", " ").replace("Z", "+00")
            market["umaResolutionStatus"] = "resolved"
        if with_event:
            market["events"] = [self._event(window, now_s, with_markets=False)]
        return market

    def _event(self, window: Window, now_s: float, *, with_markets: bool) -> Document:
        series = window.series
        event: Document = {
            "id": str(int(window.id) + 10_000_000),
            "ticker": window.slug,
            "slug": window.slug,
            "title": window.question,
            "startDate": _micros(window.created + 1),
            "creationDate": _micros(window.created),
            "endDate": _second(window.end),
            "startTime": _second(window.start),
            "active": True,
            "closed": now_s >= window.closed,
            "archived": False,
            "enableOrderBook": True,
            "negRisk": False,
            "seriesSlug": series.slug,
            "series": [{"id": series.id, "ticker": series.slug, "slug": series.slug, "title": series.title}],
        }
        if with_markets:
            event["markets"] = [self._market(window, now_s, with_event=False)]
            event["tags"] = [{"label": label, "slug": slug} for label, slug in _tags(window)]
        return event


def _tags(window: Window) -> list[tuple[str, str]]:
    return [
        ("Bitcoin", "bitcoin"),
        ("Up or Down", "up-or-down"),
        (window.series.tag, window.series.tag.lower()),
    ]


def _second(at_s: float) -> str:
    return utc_text(int(at_s) * NS)[:19] + "Z"


def _micros(at_s: float) -> str:
    return utc_text(int(at_s * NS))


def _instant(text: str) -> float:
    try:
        return parse_utc_ns(text) / NS
    except ValueError as error:
        raise QueryError(f"invalid date: {text}") from error


_FILTERS: dict[str, Callable[[Window, str, float], bool]] = {
    "active": lambda _window, text, _now: text.lower() == "true",
    "closed": lambda window, text, now: (now >= window.closed) == (text.lower() == "true"),
    "series_id": lambda window, text, _now: window.series.id == text,
    "tag_slug": lambda window, text, _now: text in [slug for _, slug in _tags(window)],
    "end_date_min": lambda window, text, _now: window.end >= _instant(text),
    "end_date_max": lambda window, text, _now: window.end <= _instant(text),
    "slug": lambda window, text, _now: window.slug in text.split(","),
}
_ORDERS: dict[str, Callable[[Window], int]] = {
    "id": lambda window: int(window.id),
    "endDate": lambda window: window.end,
    "startDate": lambda window: window.created,
}


def _limit(query: Query) -> int:
    text = query.get("limit", ["20"])[0]
    if not text.isdecimal():
        raise QueryError(f"invalid limit: {text}")
    return min(max(int(text), 1), PAGE_LIMIT)


def _cursor(query: Query) -> int:
    text = query.get("after_cursor", [""])[0]
    try:
        return int(base64.urlsafe_b64decode(text)) if text else 0
    except (binascii.Error, ValueError) as error:
        raise QueryError("invalid after_cursor") from error
