"""What Gamma is asked for each item of the selection.

No item depends on one question: a listing that fails, or that an exchange does not have, is replaced by the next.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from common.core.discovery.event_object import tags_of
from common.core.discovery.findings import Answered
from common.core.discovery.gamma_market import why_closed
from common.core.discovery.gamma_values import list_of, name_of, value_of
from common.core.discovery.offers import Offer
from common.core.discovery.wanted_markets import Item
from common.core.market import Market, canonical_condition_id
from common.polymarket.gamma.client import Gamma, NoAnswerError, path_of
from common.polymarket.gamma.gathered import OPEN, Gathered
from common.polymarket.gamma.series_source import Reach, SeriesSource

MOST_CONTRADICTIONS = 20
_NO_TAG = "no-tag-has-this-name"


class Sources:
    """Asks for items one after another; what came is in `gathered`."""

    def __init__(
        self, gamma: Gamma, reach: Reach, series_ids: dict[str, str], before: tuple[Market, ...]
    ) -> None:
        """`series_ids` are Gamma's own, by slug: what is learned of them is kept there. `before` is recorded now."""
        self._gamma = gamma
        self.gathered = Gathered(gamma)
        self._series = SeriesSource(self.gathered, reach, series_ids, before)

    def ask(self, item: Item) -> None:
        """Gather the markets of one item. Raises DiscoveryError only when Gamma answers nothing at all."""
        ask: dict[str, Callable[[Item], tuple[bool | None, str]]] = {
            "series": self._series.ask,
            "tag": self._tag,
            "event": self._event,
            "market": self._market,
            "condition": self._condition,
        }
        exists, failure = ask[item.kind](item)
        self.gathered.answered.append(Answered(item, exists, failure))

    def ask_again(self, market: Market) -> Offer | None:
        """What Gamma says of one market that is recorded and was not in its answers."""
        try:
            raw = self.gathered.object_named("/markets", market.slug)
            if raw is None and market.condition_id:
                raw = next(iter(self._by_condition(market.condition_id)), None)
        except NoAnswerError:
            return None
        label = next(iter(market.selected_by), f"series {market.series}")
        return None if raw is None else Offer(raw, label)

    def _tag(self, item: Item) -> tuple[bool | None, str]:
        try:
            listing = self._gamma.listing("/markets/keyset", {"tag_slug": item.name, **OPEN})
            raws = self._of_tag(item.name, listing.objects if listing else ())
            if raws and not any(map(_shows_tags, raws)) and not self._heeds_tags():
                raws = []
            if not raws:
                events = self.gathered.events_listed({"tag_slug": item.name, **OPEN}) or []
                raws = [
                    raw
                    for event in self._of_tag(item.name, events)
                    for raw in self.gathered.markets_of(event)
                ]
            self.gathered.offers += [Offer(raw, item.label) for raw in [*raws, *self._asked_again(raws)]]
            return bool(raws) or self._tag_exists(item.name), ""
        except NoAnswerError as error:
            return None, str(error)

    def _asked_again(self, raws: Iterable[Any]) -> list[Any]:
        """What the exchange says by name of markets that a list of open ones calls closed: it contradicts itself."""
        closed = [raw for raw in raws if isinstance(raw, dict) and why_closed(raw)][:MOST_CONTRADICTIONS]
        found = []
        for raw in closed:
            with contextlib.suppress(NoAnswerError):
                found.append(self.gathered.object_named("/markets", name_of(value_of(raw, "slug"))))
        return [raw for raw in found if raw is not None]

    def _of_tag(self, tag: str, objects: Iterable[Any]) -> list[Any]:
        """Without those that name tags and not this one: a filter that is ignored must not select everything."""
        named = [(raw, tags_of(raw) if isinstance(raw, dict) else frozenset()) for raw in objects]
        self.gathered.offered_names |= {each for _, tags in named for each in tags}
        is_filtered = all(not tags or tag in tags for _, tags in named)
        return [raw for raw, tags in named if tag in tags or (is_filtered and not tags)]

    def _heeds_tags(self) -> bool:
        """Whether the filter by tag works where objects do not show their tags: nothing may have a tag like this."""
        nothing = self._gamma.listing("/markets/keyset", {"tag_slug": _NO_TAG, **OPEN}, most_pages=1)
        return nothing is not None and not nothing.objects

    def _tag_exists(self, tag: str) -> bool:
        found = self._gamma.object_at(path_of("tags", "slug", tag))
        if isinstance(found, dict) and found.get("slug") == tag:
            return True
        page = self._gamma.object_at("/events/keyset", {"tag_slug": tag, "limit": "1"})
        events = list_of(page.get("events")) if isinstance(page, dict) else []
        return any(isinstance(event, dict) and tag in tags_of(event) for event in events or ())

    def _event(self, item: Item) -> tuple[bool | None, str]:
        try:
            event = self.gathered.object_named("/events", item.name)
        except NoAnswerError as error:
            return None, str(error)
        if event is None:
            return False, ""
        self.gathered.offers += [Offer(raw, item.label) for raw in self.gathered.markets_of(event)]
        return True, ""

    def _market(self, item: Item) -> tuple[bool | None, str]:
        try:
            raw = self.gathered.object_named("/markets", item.name)
        except NoAnswerError as error:
            return None, str(error)
        self.gathered.offers += [Offer(raw, item.label)] if raw is not None else []
        return raw is not None, ""

    def _condition(self, item: Item) -> tuple[bool | None, str]:
        try:
            raws = self._by_condition(item.name)
        except NoAnswerError as error:
            return None, str(error)
        self.gathered.offers += [Offer(raw, item.label) for raw in raws]
        return bool(raws), ""

    def _by_condition(self, condition_id: str) -> list[Any]:
        """Gamma knows some by 31 bytes, and lists closed ones only if asked for them."""
        canonical = canonical_condition_id(condition_id)
        forms = [canonical, canonical[:-2]] if canonical.endswith("00") else [canonical]
        for form in forms:
            for closed in ("false", "true"):
                listed = self._gamma.object_at("/markets", {"condition_ids": form, "closed": closed})
                found = (
                    [raw for raw in listed if _has_condition(raw, canonical)]
                    if isinstance(listed, list)
                    else []
                )
                if found:
                    return found
        return []


def _has_condition(raw: object, canonical: str) -> bool:
    told = value_of(raw, "conditionId") if isinstance(raw, dict) else None
    return isinstance(told, str) and canonical_condition_id(told) == canonical


def _shows_tags(raw: object) -> bool:
    return isinstance(raw, dict) and bool(tags_of(raw))
