"""What one leg surely received of each token, in the exchange's own time, and what no leg did.

A connection delivers in order, so what came between two proofs of one unbroken connection came whole. Proofs are
changes of books and books after trades: their times ascend. Trades, announcements and opening books bear old times and
prove nothing. All times are nanoseconds since 1970, those of events by the exchange's clock.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from common.core.events.market_events import BookSnapshot, MarketEvent, PriceChange
from common.core.merging.messages import HORIZON_NS
from common.core.number_runs import Run, joined, without

OWN_MARGIN_NS = 130_000_000  # behind the first proof: the exchange repeats a change up to 120 ms later
LATE_NS = 600_000_000  # so late trades come, and the order between the tokens of a connection is not stricter
AHEAD_NS = 2_000_000_000  # no exchange time is believed that is further ahead of our clock

_Kind = Literal["change", "refresh", "opening"]
_NS_PER_MS = 1_000_000


class _Stretch(msgspec.Struct):
    """A token on one unbroken connection. `since_ns` is our clock's, the others are the exchange's.

    `begun`: a message of the token has come, so that its subscription is in force.
    """

    since_ns: int
    is_first: bool
    begun: bool
    own_first_ns: int = 0
    others_first_ns: int = 0

    def proved(self, connection_last_ns: int) -> Run | None:
        """What proofs enclose, their own moments and margins excluded; None if nothing."""
        begins = [
            at_ns + margin_ns
            for at_ns, margin_ns in (
                (self.own_first_ns, OWN_MARGIN_NS),
                (self.others_first_ns, LATE_NS),
            )
            if at_ns
        ]
        if not begins:
            return None
        first, last = min(begins) + 1, connection_last_ns - LATE_NS - 1
        return (first, last) if first <= last else None


class _Token:
    """What is known of a token when its stretches are over: proved time, and time beside it that is only believed."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.start: Run | None = None
        self.ends: list[Run] = []
        self.began_ns: int | None = None
        self.seen = False

    def add(self, stretch: _Stretch, proved: Run | None, until_ns: int | None) -> None:
        since_ns = stretch.since_ns
        if stretch.is_first:
            self.began_ns = since_ns
        if proved is None:
            if stretch.is_first and until_ns is not None and until_ns > since_ns:
                self.start = (since_ns, until_ns - 1)
            return
        self.runs.append(proved)
        if stretch.is_first and since_ns < proved[0]:
            self.start = (since_ns, proved[0])
        if until_ns is not None and until_ns > proved[1]:
            self.ends.append((proved[1], until_ns - 1))


class _Connection:
    def __init__(self) -> None:
        self.sequence = 0
        self.last_ns = 0
        self.stretches: dict[str, _Stretch] = {}
        self.waiting: list[_Stretch] = []  # for the first proof of any token since they began

    def proof(self, at_ns: int) -> None:
        self.last_ns = max(self.last_ns, at_ns)
        for stretch in self.waiting:
            stretch.others_first_ns = at_ns
        self.waiting.clear()


class LegCoverage:
    """One leg over a stretch of time, connection by connection, each connection's rows in their order.

    It keeps of each token one entry for each unbroken connection that proved something.
    """

    def __init__(self) -> None:
        self._connections: dict[object, _Connection] = {}
        self._tokens: dict[str, _Token] = {}

    def subscribe(self, key: object, token_id: str, at_ns: int, *, afresh: bool) -> None:
        """A token is subscribed on a connection; `afresh`: just now, else before the time that is looked at."""
        connection = self._connections.setdefault(key, _Connection())
        if token_id in connection.stretches:
            return
        token = self._tokens.setdefault(token_id, _Token())
        stretch = _Stretch(at_ns, is_first=not token.seen, begun=not afresh)
        token.seen = True
        connection.stretches[token_id] = stretch
        if stretch.begun:
            connection.waiting.append(stretch)

    def end(self, key: object, token_id: str, until_ns: int | None) -> None:
        """Its subscription is over: in order and until then by our clock, or with a loss (None)."""
        connection = self._connections.get(key)
        stretch = connection.stretches.pop(token_id, None) if connection is not None else None
        if connection is None or stretch is None:
            return
        connection.waiting = [each for each in connection.waiting if each is not stretch]
        self._tokens[token_id].add(stretch, stretch.proved(connection.last_ns), until_ns)

    def message(self, key: object, sequence: int | None, at_ns: int, events: Iterable[MarketEvent]) -> None:
        """A message came. One that does not follow the one before it on its connection begins a new stretch."""
        connection = self._connections.get(key)
        if connection is None:
            return
        if sequence is not None:
            if connection.sequence and sequence != connection.sequence + 1:
                self._break(connection, at_ns)
            connection.sequence = sequence
        for token_id, exchange_ns, kind in _of_books(events):
            if (stretch := connection.stretches.get(token_id)) is not None:
                _take(connection, stretch, exchange_ns, kind, at_ns)

    def _break(self, connection: _Connection, at_ns: int) -> None:
        for token_id, stretch in list(connection.stretches.items()):
            self._tokens[token_id].add(stretch, stretch.proved(connection.last_ns), None)
            connection.stretches[token_id] = _Stretch(at_ns, is_first=False, begun=stretch.begun)
        connection.waiting = [each for each in connection.stretches.values() if each.begun]
        connection.last_ns = 0

    def began_ns(self, token_id: str) -> int | None:
        """When the leg began to record a token, by our clock: a margin after its first opening book."""
        token = self._tokens.get(token_id)
        return None if token is None else token.began_ns

    def proves(self, token_id: str, at_ns: int) -> bool | None:
        """Whether the leg surely received what was sent of a token at an instant; None: that may still be proved."""
        token = self._tokens.get(token_id)
        if token is None:
            return False
        if any(first <= at_ns <= last for first, last in reversed(token.runs)):
            return True
        may_come = False
        for connection in self._connections.values():
            stretch = connection.stretches.get(token_id)
            if stretch is None:
                continue
            run = stretch.proved(connection.last_ns)
            if run is not None and run[0] <= at_ns <= run[1]:
                return True
            may_come = may_come or run is None or at_ns > run[1]
        return None if may_come else False

    def covered(self, token_id: str, gaps: Sequence[Run] = (), losses: Sequence[Run] = ()) -> list[Run]:
        """What the leg covers of a token once all is over.

        `gaps` are its declared gaps by our clock: they say which beginnings and ends are not to be believed. `losses`
        are stretches of the exchange's time in which messages are known to be missing all the same.
        """
        token = self._tokens.get(token_id)
        if token is None:
            return []
        runs = list(token.runs)
        if token.start is not None and not any(first <= token.start[0] for first, _ in gaps):
            runs.append(token.start)
        runs += [end for end in token.ends if not any(overlap(end, gap) for gap in gaps)]
        return without(joined(runs), joined(losses))


def _of_books(events: Iterable[MarketEvent]) -> Iterator[tuple[str, int, _Kind]]:
    """Each token whose book an event is about, when, and how."""
    for event in events:
        if isinstance(event, PriceChange):
            for token_id in {change.token_id: None for change in event.changes}:
                yield token_id, event.timestamp_ms * _NS_PER_MS, "change"
        elif isinstance(event, BookSnapshot):
            is_opening = event.tick_size is not None or event.last_trade_price is not None
            yield event.token_id, event.timestamp_ms * _NS_PER_MS, "opening" if is_opening else "refresh"


def _take(connection: _Connection, stretch: _Stretch, exchange_ns: int, kind: _Kind, at_ns: int) -> None:
    """The first book of a subscription is its opening one, whatever keys it has."""
    is_proof = kind == "change" or (kind == "refresh" and stretch.begun)
    if is_proof and stretch.since_ns - HORIZON_NS <= exchange_ns <= at_ns + AHEAD_NS:
        stretch.own_first_ns = stretch.own_first_ns or exchange_ns
        connection.proof(exchange_ns)
    if not stretch.begun:
        stretch.begun = True
        stretch.since_ns = at_ns + LATE_NS
        connection.waiting.append(stretch)


def overlap(one: Run, other: Run) -> bool:
    """Whether two runs have a moment in common."""
    return one[0] <= other[1] and other[0] <= one[1]
