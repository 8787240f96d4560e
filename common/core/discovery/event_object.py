"""The markets within an event object of Gamma, each with what only the event says: series, tags and dates."""

from collections.abc import Iterable, Mapping
from typing import Any

from common.core.discovery.gamma_values import list_of, name_of, value_of

_OF_THE_EVENT = ("slug", "seriesSlug", "series", "startTime", "endDate", "tags")
_NAMES_OF_MARKETS = ("slug", "conditionId", "outcomes")


def markets_of_event(event: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The market objects of an event, under whatever name; None for an event without a list of them."""
    listed = list_of(value_of(event, "markets"))
    if listed is None:
        listed = next((found for value in event.values() if (found := _markets(value))), None)
    if listed is None:
        return None
    about = {name: value for name in _OF_THE_EVENT if (value := value_of(event, name)) is not None}
    return [{"events": [about], **market} for market in listed if isinstance(market, dict)]


def _markets(value: object) -> list[Any]:
    listed = list_of(value) or []
    is_of_markets = all(isinstance(entry, dict) and _looks_like_a_market(entry) for entry in listed)
    return listed if is_of_markets else []


def _looks_like_a_market(entry: Mapping[str, Any]) -> bool:
    return sum(value_of(entry, name) is not None for name in _NAMES_OF_MARKETS) > 1


def tags_of(raw: Mapping[str, Any]) -> frozenset[str]:
    """The tag slugs that a market or event object, or an event in it, names."""
    holders = [raw, *(event for event in list_of(value_of(raw, "events")) or () if isinstance(event, dict))]
    return frozenset(
        slug for holder in holders for slug in _tag_slugs(list_of(value_of(holder, "tags")) or ())
    )


def _tag_slugs(tags: Iterable[object]) -> Iterable[str]:
    for tag in tags:
        slug = name_of(tag) or (name_of(value_of(tag, "slug")) if isinstance(tag, dict) else "")
        if slug:
            yield slug
