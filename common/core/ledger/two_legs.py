"""One window of the websocket stream of a recording with two legs: each leg by itself, and the union of both."""

from collections.abc import Collection, Mapping

import msgspec

from common.core.audit.divergence import Divergence
from common.core.events.market_events import MarketEvent
from common.core.events.rest_answer import Answer
from common.core.ledger.book_window import BookHour, TokenChecks
from common.core.ledger.document import FeedLedger, TokenHour, Window
from common.core.ledger.feed_document import Sources, feed_ledger
from common.core.ledger.feed_window import FeedHour
from common.core.ledger.later import Later
from common.core.ledger.pairing import Pairing
from common.core.ledger.standing import BookStanding, sound, unhealed, wrong_seconds
from common.core.ledger.token_pairs import TokenPairs
from common.core.ledger.union_token import Holes, LegOfToken, gained, holes_of, legs_of, union_token
from common.core.merging.coverage import LegCoverage
from common.core.rows.origin import LEGS, Leg, leg_of
from common.core.rows.reading import Row
from common.core.rows.websocket import SESSION_CLOSED

_NO_CHECKS = TokenChecks()


class _Leg:
    def __init__(self, window: Window, leg: Leg) -> None:
        self.coverage, self.standing = LegCoverage(), BookStanding()
        self.feed = FeedHour(window, leg, self.coverage)
        self.books = BookHour(self.standing)
        self.checks: Mapping[str, TokenChecks] = {}

    def of_token(self, token_id: str, pairs: TokenPairs, leg: Leg) -> LegOfToken:
        withheld = pairs.withheld_a if leg == "a" else pairs.withheld_b
        return LegOfToken(self.feed.tokens.get(token_id), self.coverage, withheld.losses)


class TwoLegs:
    """Takes the rows of both streams in the order of their receipt."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._legs: Mapping[Leg, _Leg] = {leg: _Leg(window, leg) for leg in LEGS}
        self._pairing = Pairing(
            {name: leg.coverage for name, leg in self._legs.items()},
            {name: leg.feed.opened_ns for name, leg in self._legs.items()},
        )

    def message(self, row: Row, events: Collection[MarketEvent]) -> None:
        """A message of the websocket, and the events in it."""
        leg = self._legs[leg_of(row.leg)]
        leg.feed.take(row, events)
        leg.books.message(row, events)
        self._pairing.take(row, events)

    def life_cycle(self, row: Row) -> None:
        """Any other row of the websocket stream."""
        leg = self._legs[leg_of(row.leg)]
        leg.feed.take(row, ())
        leg.books.life_cycle(row)
        if row.record_type == SESSION_CLOSED:
            self._pairing.session_ended(row.producer)

    def checkpoint(self, row: Row, answer: Answer) -> None:
        """A row of the REST stream, which the books of both legs are compared with."""
        for leg in self._legs.values():
            leg.books.checkpoint(row, answer)

    @property
    def unended(self) -> list[tuple[str, str]]:
        """Producer and id of each session that has no end in the window."""
        return [key for leg in self._legs.values() for key in leg.feed.unended]

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """Those found here, and those that rows state, with the levels that differ: leg by leg."""
        return tuple(
            msgspec.structs.replace(each, leg=name)
            for name, leg in self._legs.items()
            for each in leg.books.divergences
        )

    def finish(self, later: Later, sources: Sources) -> tuple[FeedLedger, Mapping[str, TokenChecks]]:
        """The ledger, and what came of the checks of books, by token id."""
        for leg in self._legs.values():
            leg.checks = leg.books.finish()
            leg.feed.checked(leg.checks, leg.books.doubts)
            leg.feed.settle(later)
        self._pairing.finish(self._window.to_ns)
        token_ids = {token_id: None for leg in self._legs.values() for token_id in leg.feed.tokens}
        checks: dict[str, TokenChecks] = {}
        entries: list[tuple[TokenHour, Holes]] = []
        for token_id in token_ids:
            entry, holes, checks[token_id] = self._entry(token_id)
            entries.append((entry, holes))
        tokens = [entry for entry, _ in entries]
        feeds = [leg.feed for leg in self._legs.values()]
        return feed_ledger(self._window, feeds, tokens, sources, gained(entries)), checks

    def _entry(self, token_id: str) -> tuple[TokenHour, Holes, TokenChecks]:
        leg_a, leg_b = self._legs["a"], self._legs["b"]
        pairs = self._pairing.tokens.get(token_id) or TokenPairs(token_id, leg_a.coverage, leg_b.coverage)
        a, b = leg_a.of_token(token_id, pairs, "a"), leg_b.of_token(token_id, pairs, "b")
        holes = holes_of(token_id, a, b, self._window)
        checks, healed = self._checks(token_id, a, b)
        legs = legs_of(
            pairs,
            holes,
            order_agreement=self._pairing.order_agreement(token_id),
            divergences_healed=healed,
        )
        return union_token(a, b, holes, checks, pairs, legs), holes, checks

    def _checks(self, token_id: str, a: LegOfToken, b: LegOfToken) -> tuple[TokenChecks, int]:
        """The checks of both legs, less what one lost while the other one's book is proved; and how much that is."""
        leg_a, leg_b = self._legs["a"], self._legs["b"]
        of_a, of_b = leg_a.checks.get(token_id, _NO_CHECKS), leg_b.checks.get(token_id, _NO_CHECKS)
        sound_a = sound(leg_a.standing, token_id, a.covered(token_id))
        sound_b = sound(leg_b.standing, token_id, b.covered(token_id))
        left = unhealed(leg_a.books.diverged.get(token_id, ()), sound_b) + unhealed(
            leg_b.books.diverged.get(token_id, ()), sound_a
        )
        wrong = wrong_seconds(leg_a.standing, leg_b.standing, token_id, sound_a, sound_b)
        both = TokenChecks(
            passed=of_a.passed + of_b.passed,
            size_only=of_a.size_only + of_b.size_only,
            divergences=left,
            not_checkable=of_a.not_checkable + of_b.not_checkable,
            doubts=min(of_a.doubts, of_b.doubts),
            wrong_batches=of_a.wrong_batches + of_b.wrong_batches,
            wrong_ms=round(wrong * 1000),
            rest_wrong=max(of_a.rest_wrong, of_b.rest_wrong),
        )
        return both, of_a.divergences + of_b.divergences - left
