"""What could be recorded: series, tags, events and markets that fit a text, with the names that select them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from common.config import Settings
from common.core.discovery.event_object import markets_of_event
from common.core.discovery.gamma_values import list_of, name_of, value_of
from common.core.discovery.rolling_series import series_of_slug
from common.core.discovery.wanted_markets import ItemKind
from common.errors import DiscoveryError
from common.polymarket.gamma.client import Gamma, NoAnswerError
from common.polymarket.gamma.gathered import OPEN
from common.polymarket.http import open_session

MOST_PAGES = 20  # of open events that are looked through where the exchange has no search of its own
_A_KIND = "50"


class Match(msgspec.Struct, frozen=True):
    """Something that could be selected; `title` says more about it, in foreign words."""

    kind: ItemKind
    name: str
    title: str


def search(settings: Settings, text: str, now_ns: int) -> tuple[Match, ...]:
    """All that fits: every word of `text` is in its name or title. Raises DiscoveryError when Gamma does not answer."""
    words = re.findall(r"\w+", text.lower())
    with open_session(ca_file=settings.websocket.ca_file) as session:
        gamma = Gamma(session, settings.exchange.gamma_url, now_ns)
        found: list[Match] = []
        try:
            for source in (_searched, _listed):
                events, tags = source(gamma, text)
                found += _matches(events, tags, words)
                if found:
                    break
        except NoAnswerError as error:
            raise DiscoveryError(str(error)) from error
    return tuple(dict.fromkeys(found))


def _searched(gamma: Gamma, text: str) -> tuple[list[Any], list[Any]]:
    query = {"q": text, "limit_per_type": _A_KIND, "search_tags": "true", "events_status": "active"}
    answer = gamma.object_at("/public-search", query)
    if not isinstance(answer, dict):
        return [], []
    return list_of(answer.get("events")) or [], list_of(answer.get("tags")) or []


def _listed(gamma: Gamma, _text: str) -> tuple[list[Any], list[Any]]:
    listing = gamma.listing("/events/keyset", OPEN, most_pages=MOST_PAGES)
    return (list(listing.objects) if listing else []), []


def _matches(events: Iterable[Any], tags: Iterable[Any], words: list[str]) -> list[Match]:
    found = [match for tag in tags for match in _one("tag", tag, words)]
    for event in events:
        if not isinstance(event, dict):
            continue
        for series in list_of(value_of(event, "series")) or ():
            found += _one("series", series, words)
        for tag in list_of(value_of(event, "tags")) or ():
            found += _one("tag", tag, words)
        if series_of_slug(name_of(value_of(event, "slug"))) is not None and any(map(_is_series, found)):
            continue  # a window: its series stands for it
        of_event = _one("event", event, words)
        markets = markets_of_event(event) or []
        found += of_event
        found += [match for market in markets for match in _one("market", market, [] if of_event else words)]
    return found


def _is_series(match: Match) -> bool:
    return match.kind == "series"


def _one(kind: ItemKind, entry: object, words: list[str]) -> list[Match]:
    if not isinstance(entry, Mapping):
        return []
    slug = name_of(value_of(entry, "slug"))
    title = next(
        (text for key in ("title", "question", "label") if (text := name_of(value_of(entry, key)))), ""
    )
    haystack = f"{slug} {title}".lower()
    title = "" if title == slug else title
    return [Match(kind, slug, title)] if slug and all(word in haystack for word in words) else []
