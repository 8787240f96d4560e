"""A book that was found wrong, until a snapshot shows what was wrong with it."""

from common.core.books.book import Book
from common.core.books.checkpoint import differing_levels
from common.core.books.snapshot import DifferingLevel
from common.core.events.market_events import BookSnapshot, MarketEvent


class SuspectBook:
    """Of one token: told of each divergence, and of the book after each event that changed it."""

    def __init__(self) -> None:
        self._kept: Book | None = None

    def diverged(self, book: Book | None) -> None:
        """A divergence row came; `book` is the rebuilt one, None where there is none."""
        self._kept = book.with_levels_kept() if book is not None else None

    def changed(self, event: MarketEvent, book: Book) -> tuple[DifferingLevel, ...]:
        """An event made this of the book; which levels were wrong, if it is the snapshot that shows them."""
        if self._kept is None:
            return ()
        if not isinstance(event, BookSnapshot):
            self._kept = book.with_levels_kept()
            return ()
        before, self._kept = self._kept, None
        return differing_levels(before, book)

    def ended(self) -> None:
        """The book is void: nothing can be compared with it."""
        self._kept = None
