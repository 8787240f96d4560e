"""The HTTP side of a replay: Gamma's markets and the books of the instant that is played."""

from collections.abc import Sequence

from common.runtime.playback.books import PlayedBooks
from common.runtime.playback.markets import SERIES, TICK, RecordedMarkets
from common.simulation.faults.catalogue import Fault
from common.simulation.faults.shapes import Shapes
from common.simulation.listed import RestBook
from common.simulation.markets.book import ONE
from common.simulation.markets.listing import Listing, Series
from common.simulation.resolutions import Teller


class ListedRecording:
    """What was recorded, as `common.simulation.listed.Listed`. `at_ns` is the played instant."""

    def __init__(self, markets: RecordedMarkets, books: PlayedBooks) -> None:
        self.calendar = markets
        self.series: Sequence[Series] = (SERIES,)
        self.shapes = Shapes()
        self.at_ns = 0
        self._books = books

    def set_shapes(self, faults: Sequence[Fault]) -> None:
        """Mutations of Gamma's objects and of REST books; frames go out as they were recorded."""
        self.shapes.set(faults)

    def tick(self, listing: Listing) -> int:
        """As the book of its first outcome has it."""
        book = self._books.book(listing.token_ids[0])
        return _ten_thousandths(book.tick_size) if book is not None and book.tick_size else TICK

    def fair(self, listing: Listing, now_ms: int) -> int:  # noqa: ARG002 - the played instant counts
        """The middle of the book of its first outcome, a half where it has none."""
        book = self._books.book(listing.token_ids[0])
        if book is None or book.best_bid is None or book.best_ask is None:
            return ONE // 2
        return (_ten_thousandths(book.best_bid) + _ten_thousandths(book.best_ask)) // 2

    def told_winner(self, teller: Teller, listing: Listing, now_s: float) -> int | None:
        """Who won as the recording has it; where it has not, Gamma names the likelier outcome of a closed market."""
        if now_s < listing.closed:
            return None
        won = [self._books.has_won(token_id) for token_id in listing.token_ids]
        if True in won:
            return won.index(True)
        return int(self.fair(listing, 0) < ONE // 2) if teller == "gamma" else None

    def rest_book(self, token_id: str, now_ms: int) -> RestBook | None:  # noqa: ARG002 - the played instant counts
        """The book of the played instant."""
        book, text = self._books.book(token_id), self._books.rest(token_id, self.at_ns)
        if book is None or text is None or not self.calendar.shows(token_id):
            return None
        return RestBook(self.calendar.slug_of(token_id), text, book.hash)


def _ten_thousandths(text: str) -> int:
    return round(float(text) * ONE)
