"""Merges the messages of two legs of a window, market by market, and accounts for the pairs token by token."""

from collections.abc import Callable, Collection, Mapping
from hashlib import blake2b

from common.core.events.market_events import BookSnapshot, MarketEvent, PriceChange
from common.core.events.words import named_tokens
from common.core.instants import NS_PER_SECOND
from common.core.ledger.token_pairs import Received, TokenPairs
from common.core.merging.coverage import LegCoverage
from common.core.merging.equality import canonical
from common.core.merging.lateness import Lateness
from common.core.merging.messages import LegMessage, Merged
from common.core.merging.payloads import NO_MARKET, Content, contents_of
from common.core.merging.unit import UnitMerge
from common.core.rows.origin import Leg, leg_of
from common.core.rows.reading import Row

SETTLE_NS = 30 * NS_PER_SECOND  # memory holds the messages of so long, and of the merge's own patience
_DIGEST_BYTES = 16
_NS_PER_MS = 1_000_000
OpenedNs = Callable[[str, str], int]


class Pairing:
    """Takes the messages of both legs in the order of their receipt."""

    def __init__(self, coverages: Mapping[Leg, LegCoverage], opened_ns: Mapping[Leg, OpenedNs]) -> None:
        """`opened_ns` gives the opening of a session by its producer and id, 0 for one before the window."""
        self.tokens: dict[str, TokenPairs] = {}
        self._coverages, self._opened_ns = coverages, opened_ns
        self._units: dict[str, UnitMerge[Received]] = {}
        self._unit_of: dict[str, str] = {}
        self._lateness: dict[str, Lateness] = {}
        self._behind_ns: dict[str, int] = {}
        self._settled_ns = 0

    def take(self, row: Row, events: Collection[MarketEvent]) -> None:
        """A message. What answers its connection alone, and what names no market, is not compared."""
        payload = row.payload_json
        contents = contents_of(payload)
        if len(contents) != 1 or contents[0].opening or contents[0].unit == NO_MARKET:
            return
        content = contents[0]
        received = _received(row, content, events)
        if not received.token_ids:
            return
        key = blake2b(canonical(payload), digest_size=_DIGEST_BYTES).digest()
        message = LegMessage(
            received_ns=row.received_at_ns,
            opened_ns=self._opened_ns[leg_of(row.leg)](row.producer, row.session_id or ""),
            exchange_ms=content.exchange_ms,
            kind=content.kind,
            key=key,
            reference=received,
            behind_ns=self._note_lateness(row, content),
        )
        for token_id in received.token_ids:
            self._unit_of[token_id] = content.unit
        unit = self._units.setdefault(content.unit, UnitMerge())
        (unit.take_b if row.leg == "b" else unit.take_a)(message)
        if row.received_at_ns - self._settled_ns > SETTLE_NS:
            self._settle(row.received_at_ns)

    def _note_lateness(self, row: Row, content: Content) -> int:
        lateness = self._lateness.setdefault(row.producer, Lateness())
        behind_ns = lateness.behind_ns(row.session_id, row.received_at_ns, content.kind, content.exchange_ms)
        self._behind_ns[row.producer] = behind_ns
        return behind_ns

    def session_ended(self, producer: str) -> None:
        """A producer without a session holds nobody up."""
        self._behind_ns.pop(producer, None)

    def _settle(self, now_ns: int) -> None:
        self._settled_ns = now_ns
        seen_until_ns = now_ns - max(self._behind_ns.values(), default=0)
        for unit in self._units.values():
            self._count(unit.settle(seen_until_ns))

    def _count(self, messages: Collection[Merged[Received]]) -> None:
        for merged in messages:
            known = merged.a or merged.b
            for token_id in known.token_ids if known is not None else ():
                pairs = self.tokens.get(token_id)
                if pairs is None:
                    pairs = TokenPairs(token_id, self._coverages["a"], self._coverages["b"])
                    self.tokens[token_id] = pairs
                pairs.take(merged.a, merged.b, doubtful=merged.doubtful)

    def order_agreement(self, token_id: str) -> float:
        """Of the messages of its market: see `Counts.order_agreement`."""
        unit = self._units.get(self._unit_of.get(token_id, ""))
        return 1.0 if unit is None else round(unit.counts.order_agreement, 6)

    def finish(self, until_ns: int) -> None:
        """No more will come: the window ends, and its sessions are settled."""
        for unit in self._units.values():
            self._count(unit.finish())
        for pairs in self.tokens.values():
            pairs.finish(until_ns)


def _received(row: Row, content: Content, events: Collection[MarketEvent]) -> Received:
    token_ids = {token_id: None for event in events for token_id, _ in named_tokens(event)}
    exchange_ns = content.exchange_ms * _NS_PER_MS
    is_proof = any(isinstance(event, (PriceChange, BookSnapshot)) for event in events)
    return Received(tuple(token_ids), row.received_at_ns, exchange_ns, exchange_ns if is_proof else 0)
