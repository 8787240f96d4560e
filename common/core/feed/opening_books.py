"""Which subscribed tokens still lack their opening book, and what is due for them."""

from collections.abc import Collection, Iterable, Mapping

import msgspec


class Overdue(msgspec.Struct, frozen=True):
    """Tokens to subscribe again, and whether the connection is to be replaced for one that was already."""

    resubscribe: tuple[str, ...]
    replace: bool


class BookWatch:
    """Each token has a deadline from its subscription; a missed one is subscribed again, then replaced for.

    A connection is replaced once for a token. If that did not help either, the token is asked for again and
    again at growing intervals. A token whose window has not opened may have no book yet: it is asked for again, and
    never costs the others their connection.
    """

    def __init__(self, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        self._deadlines: dict[str, int] = {}
        self._tries: dict[str, int] = {}
        self._since: dict[str, int] = {}
        self._asked: dict[str, int] = {}

    @property
    def missing(self) -> Collection[str]:
        """Subscribed tokens without a book so far."""
        return self._deadlines.keys()

    def subscribed(self, token_ids: Iterable[str], now_ns: int) -> None:
        """These tokens were just subscribed."""
        for token_id in token_ids:
            self._deadlines[token_id] = now_ns + self._timeout_ns
            self._since.setdefault(token_id, now_ns)
            self._asked.setdefault(token_id, now_ns)

    def postpone(self, now_ns: int) -> None:
        """Opening books are arriving, slowly: every deadline runs from now."""
        for token_id in self._deadlines:
            self._deadlines[token_id] = max(self._deadlines[token_id], now_ns + self._timeout_ns)

    def dropped(self, token_ids: Iterable[str]) -> None:
        """These tokens are no longer wanted."""
        for token_id in token_ids:
            self._deadlines.pop(token_id, None)
            self._tries.pop(token_id, None)
            self._since.pop(token_id, None)
            self._asked.pop(token_id, None)

    def session_over(self) -> None:
        """Nothing is subscribed any more; what was tried is remembered."""
        self._deadlines.clear()
        self._asked.clear()

    def note_payload(self, payload: bytes) -> None:
        """A message with a book in it arrived: whichever missing token it names has its book."""
        for token_id in [each for each in self._deadlines if each.encode() in payload]:
            del self._deadlines[token_id]
            self._tries.pop(token_id, None)
            self._since.pop(token_id, None)
            self._asked.pop(token_id, None)

    @property
    def awaited(self) -> Mapping[str, int]:
        """Missing tokens, and when the open session asked for the book of each for the first time."""
        return self._asked

    @property
    def earliest_ns(self) -> int | None:
        """Since when the token that has lacked its book for longest was asked for it."""
        return min(self._since.values(), default=None)

    def long_missing(self, now_ns: int) -> dict[str, int]:
        """Missing tokens that were asked for again in vain, and for how long they have had no book.

        Also between sessions: what is missing then is missing still.
        """
        late_ns = self._timeout_ns * 3 // 2
        return {
            token_id: now_ns - since_ns
            for token_id, since_ns in self._since.items()
            if token_id in self._tries and now_ns - since_ns >= late_ns
        }

    def overdue(self, now_ns: int, not_open: Collection[str] = ()) -> Overdue | None:
        """What is due now; taken, the next deadlines run from now. Windows of `not_open` open later."""
        late = [token_id for token_id, deadline in self._deadlines.items() if now_ns >= deadline]
        if not late:
            return None
        replace = False
        for token_id in late:
            if token_id in not_open:
                self._deadlines[token_id], self._since[token_id] = now_ns + self._timeout_ns, now_ns
                continue
            tried = self._tries.get(token_id, 0)
            self._tries[token_id] = tried + 1
            replace = replace or tried == 1
            self._deadlines[token_id] = now_ns + self._timeout_ns * 2 ** min(tried, 6)
        return Overdue(tuple(late), replace)
