"""Gamma as a small HTTP server over a list of market objects, whose parts can be broken one by one."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from common.core.discovery.gamma_values import instant_of
from tests.polymarket.loopback import Handler, Server, serving

Query = dict[str, str]


class FakeGamma:
    """`markets` hold `events` with `slug`, `seriesSlug` and `tags`. `broken` maps a path's beginning to a status.

    `pages` replaces the answer of a listing's page: it is given path, query and the objects.
    """

    def __init__(self, *markets: dict[str, Any]) -> None:
        self.markets = list(markets)
        self.hidden: set[str] = set()  # from listings, not from those who ask by slug
        self.broken: dict[str, int] = {}
        self.tags: set[str] = set()
        self.headers: dict[str, str] = {}  # of all answers
        self.pages: Callable[[str, Query, list[Any]], object] | None = None
        self.asked: list[str] = []
        self.server: Server

    def set_time(self, at_ns: int) -> None:
        """The `Date` of all answers from now on."""
        self.server.date = format_datetime(datetime.fromtimestamp(at_ns / 1e9, UTC), usegmt=True)

    def answer(self, handler: Handler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(handler.path)
        status = next((code for path, code in self.broken.items() if parts.path.startswith(path)), 200)
        document = self._document(parts.path, query) if status == 200 else {"error": "x"}
        status = 404 if document is None else status
        handler.reply(status, json.dumps(document).encode(), {"Retry-After": "0", **self.headers})

    def _document(self, path: str, query: Query) -> object:
        steps = path.strip("/").split("/")
        match steps:
            case ["time"]:
                return [0]
            case ["series"]:
                series = {slug for market in self.markets for slug in _series(market)}
                return [{"id": _id(slug), "slug": slug} for slug in series if slug == query.get("slug")]
            case ["tags", "slug", tag]:
                return {"slug": tag} if tag in self.tags else None
            case ["markets" | "events" as kind, "slug", slug]:
                return next(
                    iter(self._shown(kind, [each for each in self.markets if each.get("slug") == slug])), None
                )
            case ["markets" | "events" as kind]:
                return self._shown(kind, [each for each in self.markets if _is_asked(each, query)])
            case ["markets" | "events" as kind, "keyset"]:
                found = self._shown(kind, [each for each in self.markets if self._is_listed(each, query)])
                return self.pages(path, query, found) if self.pages else {kind: found}
        return None

    def _is_listed(self, market: dict[str, Any], query: Query) -> bool:
        end = instant_of(market.get("endDate"))
        first, last = (instant_of(query.get(name)) for name in ("end_date_min", "end_date_max"))
        tags = {tag["slug"] for event in market.get("events", ()) for tag in event.get("tags", ())}
        return (
            market.get("slug") not in self.hidden
            and not (market.get("closed") is True and query.get("closed") == "false")
            and ("series_id" not in query or query["series_id"] in {_id(each) for each in _series(market)})
            and ("tag_slug" not in query or query["tag_slug"] in tags)
            and (first is None or (end is not None and end >= first))
            and (last is None or (end is not None and end <= last))
        )

    def _shown(self, kind: str, markets: list[dict[str, Any]]) -> list[Any]:
        if kind == "markets":
            return markets
        return [
            {**event, "markets": [{name: value for name, value in market.items() if name != "events"}]}
            for market in markets
            for event in market.get("events", ())
        ]


@contextmanager
def fake_gamma(*markets: dict[str, Any]) -> Iterator[FakeGamma]:
    """It answers at `server.url`, for Gamma and for the clock of the CLOB."""
    gamma = FakeGamma(*markets)
    with serving(gamma.answer) as server:
        gamma.server = server
        yield gamma


def _series(market: dict[str, Any]) -> list[str]:
    return [event["seriesSlug"] for event in market.get("events", ()) if event.get("seriesSlug")]


def _id(series: str) -> str:
    return str(sum(series.encode()))


def _is_asked(market: dict[str, Any], query: Query) -> bool:
    closed = market.get("closed") is True
    if "condition_ids" in query:
        return query["condition_ids"] == market.get("conditionId") and closed == (
            query.get("closed") == "true"
        )
    return query.get("slug") == market.get("slug") and not closed
