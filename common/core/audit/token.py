"""How far the checks of one token's book have come."""

from collections import deque

import msgspec

from common.core.audit.results import Result
from common.core.books.book import Book
from common.core.books.checkpoint import CheckpointBook
from common.core.recipes.proof import Bound

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
    `failed_ms` are times of the connection when that came to be, never before the state's own. `bound` is with what
    its hashes came out last. `is_proved`: a hash has agreed since the newest snapshot.
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
        self.stated_at: deque[Stated] = deque(maxlen=_KNOWN)
        self.verified_at: deque[Stated] = deque(maxlen=_KNOWN)
        self.verified_ms = 0
        self.of_change = False  # the open state was told by a change last, not by a snapshot
        self.bound: Bound | None = None
        self.is_proved = False
        self.searched_with: object = None  # what was known when all was tried: it takes milliseconds
        self.failed: Result | None = None
        self.failed_ms = 0
        self.wrong_batches = 0  # stated hashes that failed since `failed` did
        self.failed_knowing = (0, 0)  # revision of the recipes, and agreements of the protocol
        self.suspect: Result | None = None
        self.settled = False  # all is known of the suspect
        self.waiting: list[Waiting] = []

    @property
    def proved_by(self) -> Bound | None:
        """With what the hashes of the book as it is come out; None while none of them has."""
        return self.bound if self.is_proved else None

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be judged."""
        return not (self.open or self.failed or self.waiting)
