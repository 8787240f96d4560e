"""The books of one connection that are not known because something about them could not be read."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from common.core.books.connection import Books
from common.core.events.market_events import Unusable

NS = 1_000_000_000
FIRST_ASKED_NS = 1 * NS  # after which a new snapshot is asked for: a refresh may come by itself
ASKED_AGAIN_NS = 60 * NS  # then after twice as long each time
_LONGEST_NS = 3600 * NS


class Unknown(msgspec.Struct, frozen=True):
    """Why a book is not known, and since when (receive time, nanoseconds since 1970)."""

    reason: str
    since_ns: int


class UnknownBooks:
    """Filled by unusable events; a book is known again with its next snapshot."""

    def __init__(self) -> None:
        self._by_token: dict[str, Unknown] = {}

    @property
    def by_token(self) -> Mapping[str, Unknown]:
        """Those that are not known now, by token id."""
        return self._by_token

    def note(self, event: Unusable, books: Books, received_at_ns: int) -> None:
        """An event could not be used; to be noted before it is applied to the books."""
        tokens = books.concerned(event)
        if event.reason.startswith("book:"):  # books come for subscribed tokens only, the opening one too
            tokens = tuple(dict.fromkeys((*tokens, *event.token_ids)))
        self.note_tokens(tokens, event, received_at_ns)

    def note_tokens(self, token_ids: Iterable[str], event: Unusable, received_at_ns: int) -> None:
        """The books of these tokens are not known because of the event."""
        for token_id in token_ids:
            self._by_token.setdefault(token_id, Unknown(event.reason, received_at_ns))

    def look(self, books: Books) -> None:
        """After events were applied: what has a book is known."""
        for token_id in [token_id for token_id in self._by_token if token_id in books.by_token]:
            del self._by_token[token_id]

    def drop(self, token_ids: Iterable[str] | None) -> None:
        """These tokens, or all, are followed no more, or begin again."""
        for token_id in list(self._by_token) if token_ids is None else token_ids:
            self._by_token.pop(token_id, None)


class SnapshotsAsked:
    """When to ask for a new snapshot of a book that is not known: soon, and then more and more seldom."""

    def __init__(self) -> None:
        self._next: dict[tuple[str, str], tuple[int, int]] = {}  # by book: when, and the pause after that

    def is_due(self, book: tuple[str, str], unknown_for_ns: int, now_ns: int) -> bool:
        """Whether to ask now for a book, named by reader and token. `now_ns` is monotonic."""
        at_ns, pause_ns = self._next.get(book, (0, ASKED_AGAIN_NS))
        if unknown_for_ns < FIRST_ASKED_NS or now_ns < at_ns:
            return False
        self._next[book] = now_ns + pause_ns, min(2 * pause_ns, _LONGEST_NS)
        return True

    def follows(self, reader: str, token_ids: Collection[str]) -> None:
        """The reader follows these tokens and no others."""
        for book in [each for each in self._next if each[0] == reader and each[1] not in token_ids]:
            del self._next[book]
