"""What the questions of one discovery brought, and the objects that several kinds of questions ask for."""

from typing import Any

from common.core.discovery.event_object import markets_of_event
from common.core.discovery.findings import Answered
from common.core.discovery.gamma_values import name_of, value_of
from common.core.discovery.market_window import series_named
from common.core.discovery.offers import Offer, Trouble
from common.polymarket.gamma.client import Gamma, NoAnswerError, Query, path_of

_OF_AN_OBJECT = ("conditionId", "outcomes", "question", "title", "endDate", "markets")
OPEN: Query = {"active": "true", "closed": "false"}


class Gathered:
    """Market objects, what is known of each item, names that exist, and what Gamma said of single windows."""

    def __init__(self, gamma: Gamma) -> None:
        self.gamma = gamma
        self.offers: list[Offer] = []
        self.answered: list[Answered] = []
        self.offered_names: set[str] = set()
        self.troubles: list[Trouble] = []
        self.said: dict[str, str] = {}

    def add(self, other: "Gathered") -> None:
        """Take over what another round of the same questions brought; what it knows of an item counts."""
        self.offers += other.offers
        self.answered = other.answered
        self.offered_names |= other.offered_names
        self.troubles += other.troubles
        self.said |= other.said

    def object_named(self, path: str, slug: str) -> dict[str, Any] | None:
        """The object of this slug, by its address or else by a filter; None where there is none."""
        try:
            raw = self.gamma.object_at(f"{path}{path_of('slug', slug)}")
        except NoAnswerError:
            raw = None
            listed = self.gamma.object_at(path, {"slug": slug})
        else:
            if _is_named(raw, slug):
                return raw if isinstance(raw, dict) else None
            listed = self.gamma.object_at(path, {"slug": slug}) if raw is not None else None
        entries = listed if isinstance(listed, list) else []
        return next((entry for entry in entries if isinstance(entry, dict) and _is_named(entry, slug)), None)

    def events_listed(self, query: Query) -> list[dict[str, Any]] | None:
        """The events that fit a query; None where the exchange has no such listing. Raises NoAnswerError."""
        listing = self.gamma.listing("/events/keyset", query)
        if listing is None:
            return None
        events = [event for event in listing.objects if isinstance(event, dict)]
        for event in events:
            self.offered_names |= series_named(event)
        return events

    def markets_of(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """The markets of an event; one without a list of them is noted."""
        markets = markets_of_event(event)
        if markets is None:
            name = name_of(value_of(event, "slug")) or "an event"
            self.troubles.append(Trouble("markets", name, "the event has no list of markets"))
        return markets or []


def _is_named(raw: object, slug: str) -> bool:
    """Whether this is the object that was asked for: one of another name is an answer to something else."""
    if not isinstance(raw, dict):
        return False
    told = value_of(raw, "slug")
    if told is not None:
        return bool(told == slug)
    return sum(value_of(raw, name) is not None for name in _OF_AN_OBJECT) > 1
