"""The markets of a recording as Gamma lists them: open while the recorder followed them at the played instant."""

import hashlib
import itertools
from collections.abc import Iterable, Sequence

import msgspec

from common.archive.replay import Row
from common.core.instants import NS_PER_SECOND
from common.core.market import Token
from common.core.rows.origin import places_of
from common.core.rows.websocket import MESSAGE_RECORD, SESSION_OPENED, SUBSCRIPTION_CHANGED
from common.simulation.markets.listing import Event, Ids, Listing, Series, Tag

NAME = "replay"  # the tag, and the series, that every market of a recording has
TAGS: tuple[Tag, ...] = (("Replay", NAME),)
# A series that has no windows: a market that trades until it is closed, whatever its end date, can be found today.
SERIES = Series("1", NAME, NAME, "Replay", "Replay", 1, "", TAGS, 0, 100)
OUTCOMES = 2
CLOSED_KEPT = 2000  # markets that are over and can still be asked for by their slugs
TICK = 100


class RecordedMarkets:
    """What Gamma lists, from the tokens that rows track. `names` leaves out the others; none of them means all."""

    def __init__(self, names: frozenset[str]) -> None:
        self.by_slug: dict[str, Listing] = {}
        self.events: dict[str, Event] = {}
        self.by_event: dict[str, list[Listing]] = {}
        self.markets_seen = 0
        self._names = names
        self._places: dict[str, tuple[Token, ...]] = {}
        self._producers: set[str] = set()
        self._slugs: dict[str, str] = {}

    def shows(self, token_id: str) -> bool:
        """Whether the messages of a token are played."""
        return not self._names or token_id in self._slugs

    def slug_of(self, token_id: str) -> str:
        """The market of a token, empty where it is unknown."""
        return self._slugs.get(token_id, "")

    def take(self, row: Row) -> None:
        """Note the tokens of a row, where a row of its kind can have others than the row before it."""
        begins = row.record_type == MESSAGE_RECORD and row.producer not in self._producers
        if not begins and row.record_type not in (SESSION_OPENED, SUBSCRIPTION_CHANGED):
            return
        self._producers.add(row.producer)
        tokens = tuple(token for token in row.tokens if self._is_named(token))
        for place in places_of(row.producer):
            self._places[place] = tokens
        self._list(row.received_at_ns // NS_PER_SECOND)

    def _is_named(self, token: Token) -> bool:
        return not self._names or not self._names.isdisjoint(
            (token.market_slug, token.condition_id, token.token_id)
        )

    def _list(self, now_s: int) -> None:
        tracked = {token.token_id: token for token in itertools.chain(*self._places.values())}
        by_slug: dict[str, list[Token]] = {}
        for token in tracked.values():
            by_slug.setdefault(token.market_slug, []).append(token)
            self._slugs[token.token_id] = token.market_slug
        for slug, tokens in by_slug.items():
            known = self.by_slug.get(slug)
            is_open = known is not None and known.closed > now_s
            if len(tokens) == OUTCOMES and not (is_open and known and set(known.token_ids) == _ids(tokens)):
                self._put(_listing(tokens, known.created if known else now_s))
        for slug, listing in list(self.by_slug.items()):
            if slug not in by_slug and listing.closed > now_s:
                self._put(msgspec.structs.replace(listing, closed=0))
        self._forget_old()

    def _put(self, listing: Listing) -> None:
        self.markets_seen += listing.slug not in self.by_slug
        self.by_slug.pop(listing.slug, None)
        self.by_slug[listing.slug] = listing
        self.events[listing.slug] = listing.event
        self.by_event[listing.slug] = [listing]

    def _forget_old(self) -> None:
        over = [listing for listing in self.by_slug.values() if listing.closed == 0]
        for listing in over[: max(len(over) - CLOSED_KEPT, 0)]:
            del self.by_slug[listing.slug], self.events[listing.slug], self.by_event[listing.slug]
            for token_id in listing.token_ids:
                self._slugs.pop(token_id, None)


def _ids(tokens: Iterable[Token]) -> set[str]:
    return {token.token_id for token in tokens}


def _listing(tokens: Sequence[Token], created_s: int) -> Listing:
    first, second = tokens
    slug, digest = first.market_slug, hashlib.sha256(first.market_slug.encode()).digest()
    number = int.from_bytes(digest[:4])
    until_ns = first.trades_until_ns
    return Listing(
        id=str(number),
        slug=slug,
        question=slug,
        description="",
        event=Event(str(number), slug, slug, TAGS, SERIES),
        protocol="v1" if first.protocol == "v1" else "v2",
        ids=Ids(first.condition_id, first.condition_id, (first.token_id, second.token_id), ("", "")),
        question_id="",
        created=created_s,
        tick=TICK,
        outcomes=(first.outcome, second.outcome),
        end=None if until_ns is None else until_ns // NS_PER_SECOND,
    )
