"""How far the checks of one token's book have come."""

from collections import deque

import msgspec

from common.core.book import Book
from common.core.book_hash import HashTerms
from common.core.check_results import Result
from common.core.checkpoint_book import CheckpointBook

_KNOWN = 256  # hashes remembered of each token: seconds of the busiest book

Stated = tuple[int, str]  # an exchange time in milliseconds, and the hash of the book then


class Waiting(msgspec.Struct, frozen=True):
    """A checkpoint that the stream has not come up with yet."""

    checkpoint: CheckpointBook
    book: Book
    sequence: int


class CheckedToken:
    """What the exchange stated of a book, what of it was found to hold, and what is still open.

    `failed` may still heal by itself. `suspect` has diverged: the book is kept only to be compared. `open_ms` and
    `failed_ms` are times of the connection when that came to be, never before the state's own.
    """

    def __init__(self, first_ms: int) -> None:
        """`first_ms`: the exchange's time of the first snapshot."""
        self.first_ms = first_ms
        self.open: Stated | None = None  # stated, and not yet found to agree
        self.open_ms = 0
        self.done: Stated | None = None
        self.best: tuple[str, str] | None = None
        self.stated: deque[str] = deque(maxlen=_KNOWN)
        self.verified: deque[str] = deque(maxlen=_KNOWN)
        self.verified_ms = 0
        self.searched_with: HashTerms | None = None  # and all prices there are: it takes milliseconds
        self.failed: Result | None = None
        self.failed_ms = 0
        self.suspect: Result | None = None
        self.settled = False  # all is known of the suspect
        self.waiting: list[Waiting] = []

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be judged."""
        return not (self.open or self.failed or self.waiting)
