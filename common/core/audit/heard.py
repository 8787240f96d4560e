"""What the audit hears of a reader, keeps of its connection, and says of its books."""

from typing import NamedTuple

import msgspec

from common.core.audit.checks import BookChecks
from common.core.audit.results import Result
from common.core.audit.unchecked_tokens import UncheckedTokens
from common.core.audit.unknown_books import UnknownBooks
from common.core.books.book import Book
from common.core.books.connection import Books
from common.core.books.continuity import Continuity
from common.core.recipes.proof import HashProof


class Heard(msgspec.Struct, frozen=True, gc=False):
    """One message of a reader, or of its producer, without its payload."""

    reader: str
    session_id: str
    message_sequence: int
    received_at_ns: int


class Judged(NamedTuple):
    """A result, and whose connection it is about; empty where no reader has a book of the token."""

    reader: str
    session_id: str
    result: Result


class Shown(NamedTuple):
    """A book, the reader whose it is, and the receive time of that one's newest message."""

    reader: str
    heard_ns: int
    book: Book


class Connection:
    """What is known of one reader's connection."""

    def __init__(self, proof: HashProof) -> None:
        self.session_id = ""
        self.heard_ns = 0  # receive time of the newest message
        self.continuity = Continuity()
        self.books = Books()
        self.unknown = UnknownBooks()
        self.unchecked = UncheckedTokens()
        self.checks = BookChecks(self.books, proof)
