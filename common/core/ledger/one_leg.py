"""One window of the websocket stream of a recording with one leg: its time, and its books."""

from collections.abc import Collection, Mapping

from common.core.audit.divergence import Divergence
from common.core.events.market_events import MarketEvent
from common.core.events.rest_answer import Answer
from common.core.ledger.book_window import BookHour, TokenChecks
from common.core.ledger.document import FeedLedger, Window
from common.core.ledger.feed_document import Sources, feed_ledger
from common.core.ledger.feed_window import FeedHour
from common.core.ledger.later import Later
from common.core.rows.reading import Row


class OneLeg:
    """Takes the rows of both streams, each producer's in its order."""

    def __init__(self, window: Window) -> None:
        self._window, self._feed, self._books = window, FeedHour(window), BookHour()

    def message(self, row: Row, events: Collection[MarketEvent]) -> None:
        """A message of the websocket, and the events in it."""
        self._feed.take(row, events)
        self._books.message(row, events)

    def life_cycle(self, row: Row) -> None:
        """Any other row of the websocket stream."""
        self._feed.take(row, ())
        self._books.life_cycle(row)

    def checkpoint(self, row: Row, answer: Answer) -> None:
        """A row of the REST stream."""
        self._books.checkpoint(row, answer)

    @property
    def unended(self) -> list[tuple[str, str]]:
        """Producer and id of each session that has no end in the window."""
        return self._feed.unended

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """Those found here, and those that rows state, with the levels that differ."""
        return self._books.divergences

    def finish(self, later: Later, sources: Sources) -> tuple[FeedLedger, Mapping[str, TokenChecks]]:
        """The ledger, and what came of the checks of books, by token id."""
        checks = self._books.finish()
        self._feed.checked(checks, self._books.doubts)
        self._feed.settle(later)
        tokens = [account.result() for account in self._feed.tokens.values()]
        return feed_ledger(self._window, [self._feed], tokens, sources), checks
