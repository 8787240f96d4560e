"""Gamma's objects in their live shape: markets, events, series."""

import json

from common.core.instants import utc_text
from common.simulation.faults.mutations import Document, mutate
from common.simulation.gamma.lies import Lies
from common.simulation.listed import Listed
from common.simulation.markets.book import ONE
from common.simulation.markets.listing import Event, Listing, Series

NS = 1_000_000_000


class GammaObjects:
    """What Gamma says of the markets of a model; `now_s` is seconds since the epoch."""

    def __init__(self, model: Listed, lies: Lies | None = None) -> None:
        self._model = model
        self._lies = lies or Lies()

    def market(self, listing: Listing, now_s: float, *, with_event: bool = True) -> Document:
        """A market object, with its event unless it is inside that."""
        tick = self._model.tick(listing) / ONE
        market: Document = {
            "id": listing.id,
            "question": listing.question,
            "conditionId": self._lies.condition_id(listing),
            "slug": listing.slug,
            "resolutionSource": "https://data.chain.link/streams" if listing.window else "",
            "liquidity": "0",
            "startDate": _micros(listing.created + 1),
            "description": listing.description,
            "outcomes": json.dumps(listing.outcomes, ensure_ascii=False),
            "outcomePrices": json.dumps(self._prices(listing, now_s)),
            "volume": "0",
            "active": True,
            "closed": self._winner(listing, now_s) is not None,
            "createdAt": _micros(listing.created),
            "updatedAt": _micros(now_s),
            "archived": False,
            "restricted": True,
            "questionID": listing.question_id,
            "enableOrderBook": True,
            "orderPriceMinTickSize": tick,
            "orderMinSize": 5,
            "startDateIso": _second(listing.created)[:10],
            **_positions(listing),
            "acceptingOrders": now_s < listing.settled,
            "acceptingOrdersTimestamp": _second(listing.created),
            "negRisk": listing.event.neg_risk,
            "feesEnabled": True,
            "spread": tick,
            **_window(listing),
            **_resolution(listing, closed=self._winner(listing, now_s) is not None),
        }
        if listing.event.neg_risk:
            market["groupItemTitle"] = listing.question
        if with_event:
            market["events"] = [self.event(listing.event, now_s, with_markets=False)]
        self._lies.market(market, listing)
        for mutation in self._model.shapes.of("market", listing.slug, *listing.token_ids):
            market = mutate(market, mutation)
        return market

    def event(self, event: Event, now_s: float, *, with_markets: bool = True) -> Document:
        """An event object with its tags, and with its markets unless it is inside one."""
        listings = self._lies.without_missing(self._model.calendar.by_event[event.slug])
        shown: Document = {
            "id": event.id,
            "ticker": event.slug,
            "slug": event.slug,
            "title": event.title,
            "startDate": _micros(listings[0].created + 1),
            "creationDate": _micros(listings[0].created),
            "active": True,
            "closed": all(self._winner(listing, now_s) is not None for listing in listings),
            "archived": False,
            "enableOrderBook": True,
            "negRisk": event.neg_risk,
        }
        if listings[0].end is not None:
            shown["endDate"] = _second(listings[0].end)
        if listings[0].start is not None:
            shown["startTime"] = _second(listings[0].start)
        if event.series is not None and not self._lies.has_lost(event.series.slug, listings[0]):
            shown["seriesSlug"] = event.series.slug
            shown["series"] = [series_object(event.series)]
        if with_markets:
            shown["markets"] = [self.market(listing, now_s, with_event=False) for listing in listings]
            tags = [tag for tag in event.tags if not self._lies.has_lost(tag[1], listings[0])]
            shown["tags"] = [{"label": label, "slug": slug} for label, slug in tags]
        self._lies.event(shown, listings[0])
        for mutation in self._model.shapes.of("event", event.slug):
            shown = mutate(shown, mutation)
        return shown

    def _prices(self, listing: Listing, now_s: float) -> list[str]:
        winner = self._winner(listing, now_s)
        if winner is not None:
            return [str(1 - winner), str(winner)]
        fair = self._model.fair(listing, int(now_s * 1000)) / ONE
        return [f"{fair:.3f}", f"{1 - fair:.3f}"]

    def _winner(self, listing: Listing, now_s: float) -> int | None:
        return self._model.told_winner("gamma", listing, now_s)


def series_object(series: Series) -> Document:
    """A series as `/series` lists it, and as it is in an event."""
    return {
        "id": series.id,
        "ticker": series.slug,
        "slug": series.slug,
        "title": series.title,
        "seriesType": "single",
        "recurrence": series.tag.lower(),
        "active": True,
        "closed": False,
        "archived": False,
    }


def _positions(listing: Listing) -> Document:
    """The outcome ids: of v1 a JSON text, of v2 a real array, beside it nothing or ids that have no book."""
    if listing.protocol == "v1":
        return {"version": "v1", "clobTokenIds": json.dumps(listing.token_ids)}
    dead = json.dumps(listing.ids.dead_token_ids) if listing.spare_ids else None
    return {"version": "v2", "clobTokenIds": dead, "positionIds": list(listing.token_ids)}


def _window(listing: Listing) -> Document:
    said: Document = {}
    if listing.end is not None:
        said |= {"endDate": _second(listing.end), "endDateIso": _second(listing.end)[:10]}
    if listing.start is not None:
        said |= {"eventStartTime": _second(listing.start), "feeType": "crypto_fees_v2"}
    return said


def _resolution(listing: Listing, *, closed: bool) -> Document:
    said: Document = (
        {} if listing.protocol == "v1" else {"resolutionStatus": "resolved" if closed else "active"}
    )
    if closed:
        said["closedTime"] = _second(listing.settled).replace("T", " ").replace("Z", "+00")
        if listing.protocol == "v1":
            said["umaResolutionStatus"] = "resolved"
    return said


def _second(at_s: float) -> str:
    return utc_text(int(at_s) * NS)[:19] + "Z"


def _micros(at_s: float) -> str:
    return utc_text(int(at_s * NS))
