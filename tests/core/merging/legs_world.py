"""A minute of an exchange and of two legs that follow it: cuts, backlogs, refused numbers, clocks that differ.

What the exchange sends passes its feed up to 120 ms later, each token in order; trades bear older times. A connection
gets what passes after its subscription is in force, in order, with a delay of its own; what is under way when it is
cut is lost.
"""

from random import Random
from typing import NamedTuple

from common.core.events.market_events import BookSnapshot, LastTrade, LevelChange, MarketEvent, PriceChange
from common.core.merging.coverage import LegCoverage

END_MS = 60_000
_START_MS = 1_700_000_000_000
_MS = 1_000_000


class Sent(NamedTuple):
    """One message of the exchange; times are in milliseconds of the world."""

    passes_ms: float
    number: int
    token_id: str
    timestamp_ms: int
    event: MarketEvent


class _Connection(NamedTuple):
    asked_ms: float
    in_force_ms: float
    cut_ms: float  # END_MS: it goes on


class LegsWorld:
    """`steady_leg`: the first leg is never cut and never behind."""

    def __init__(self, chance: Random, *, steady_leg: bool = False) -> None:
        self.tokens = ("1", "2", "3")
        self._chance = chance
        self._sent = sorted(self._emissions())
        self._received: list[set[int]] = []
        self._coverages: list[LegCoverage] = []
        for leg in range(2):
            self._record(steady=steady_leg and leg == 0)

    def coverages(self) -> list[LegCoverage]:
        """What each leg covers, as its rows tell."""
        return self._coverages

    end_ns = (_START_MS + END_MS) * _MS

    def recorded_from_ns(self, token_id: str) -> int:
        """When the first leg began to record a token."""
        return min(began for leg in self._coverages if (began := leg.began_ns(token_id)) is not None)

    def lost_ns(self, token_id: str) -> list[int]:
        """The exchange's times of what no leg received, since recording began."""
        since_ns = self.recorded_from_ns(token_id)
        either = set[int]().union(*self._received)
        return [
            _ns(each.timestamp_ms)
            for each in self._sent
            if each.token_id == token_id
            and each.number not in either
            and _ns(each.timestamp_ms) >= since_ns
            and each.timestamp_ms < END_MS
        ]

    def _emissions(self) -> list[Sent]:
        sent: list[Sent] = []
        for token_id, pause_ms in zip(self.tokens, (60, 400, 5000), strict=True):
            now = passes = 0.0
            while now < END_MS + 1000:
                now += self._chance.expovariate(1 / pause_ms)
                passes = max(passes, now + self._chance.uniform(0, 120))
                kind = self._chance.random()
                if kind < 0.8:
                    sent.append(self._one(len(sent), passes, token_id, now))
                elif kind < 0.9:
                    book = BookSnapshot("0xm", token_id, _stamp(now), (), ())
                    sent.append(Sent(passes, len(sent), token_id, int(now), book))
                else:
                    then = passes - self._chance.uniform(0, 600)
                    trade = LastTrade("0xm", token_id, _stamp(then), "0.5", "1", "BUY")
                    sent.append(Sent(passes, len(sent), token_id, int(then), trade))
        return sent

    def _one(self, number: int, passes: float, token_id: str, now: float) -> Sent:
        change = PriceChange("0xm", _stamp(now), (LevelChange(token_id, "0.5", "1", "BUY"),))
        return Sent(passes, number, token_id, int(now), change)

    def _connections(self, *, steady: bool) -> list[_Connection]:
        found: list[_Connection] = []
        at_ms = self._chance.uniform(0, 300)
        while at_ms < END_MS:
            cut_ms = END_MS if steady else min(END_MS, at_ms + self._chance.expovariate(1 / 12_000))
            in_force_ms = at_ms + self._chance.uniform(20, 80)
            found.append(_Connection(at_ms, in_force_ms, cut_ms))
            at_ms = cut_ms + self._chance.uniform(200, 4_000)
        return found

    def _record(self, *, steady: bool) -> None:
        coverage, received = LegCoverage(), set[int]()
        offset_ms = self._chance.uniform(-40, 40)
        for key, connection in enumerate(self._connections(steady=steady)):
            self._follow(coverage, received, key, connection, offset_ms, steady=steady)
        self._coverages.append(coverage)
        self._received.append(received)

    def _follow(
        self,
        coverage: LegCoverage,
        received: set[int],
        key: int,
        connection: _Connection,
        offset_ms: float,
        *,
        steady: bool,
    ) -> None:
        def clock(at_ms: float) -> int:
            return _ns(at_ms + offset_ms)

        for token_id in self.tokens:
            coverage.subscribe(key, token_id, clock(connection.asked_ms), afresh=True)
        goes_on = connection.cut_ms >= END_MS
        delivered = connection.in_force_ms + self._chance.uniform(9, 95)
        if delivered < connection.cut_ms:
            opening = [
                BookSnapshot("0xm", each, _stamp(connection.in_force_ms - 900), (), (), tick_size="1")
                for each in self.tokens
            ]
            coverage.message(key, 1, clock(delivered), opening)
        behind_from = self._chance.uniform(0, END_MS)
        behind_ms = 0.0 if steady else self._chance.uniform(0, 6_000)
        refused_from = self._chance.uniform(0, END_MS * (1 if not steady else 99))
        sequence = 1
        for sent in self._sent:
            if sent.passes_ms < connection.in_force_ms:
                continue
            is_behind = behind_from <= sent.passes_ms < behind_from + 8_000
            delay = self._chance.uniform(9, 95) + (behind_ms if is_behind else 0)
            delivered = max(delivered, sent.passes_ms + delay)
            if not goes_on and delivered > connection.cut_ms:
                break
            sequence += 1
            if not steady and refused_from <= delivered < refused_from + 1_500:
                continue
            received.add(sent.number)
            coverage.message(key, sequence, clock(delivered), [sent.event])
        for token_id in self.tokens:
            coverage.end(key, token_id, clock(END_MS) if goes_on else None)


def _stamp(at_ms: float) -> int:
    return _START_MS + int(at_ms)


def _ns(at_ms: float) -> int:
    return round((_START_MS + at_ms) * _MS)
