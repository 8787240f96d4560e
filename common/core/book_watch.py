"""Which subscribed tokens still lack their opening book, and what is due for them."""

from collections.abc import Collection, Iterable

import msgspec


class Overdue(msgspec.Struct, frozen=True):
    """Tokens to subscribe again, and whether the connection is to be replaced for one that was already."""

    resubscribe: tuple[str, ...]
    replace: bool


class BookWatch:
    """Each token has a deadline from its subscription; a missed one is subscribed again, then replaced for.

    A connection is replaced once for a token. If that did not help either, the token is asked for again and
    again at growing intervals, because the market may simply not trade yet.
    """

    def __init__(self, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        self._deadlines: dict[str, int] = {}
        self._tries: dict[str, int] = {}

    @property
    def missing(self) -> Collection[str]:
        """Subscribed tokens without a book so far."""
        return self._deadlines.keys()

    def subscribed(self, token_ids: Iterable[str], now_ns: int) -> None:
        """These tokens were just subscribed."""
        for token_id in token_ids:
            self._deadlines[token_id] = now_ns + self._timeout_ns

    def dropped(self, token_ids: Iterable[str]) -> None:
        """These tokens are no longer wanted."""
        for token_id in token_ids:
            self._deadlines.pop(token_id, None)
            self._tries.pop(token_id, None)

    def session_over(self) -> None:
        """Nothing is subscribed any more; what was tried is remembered."""
        self._deadlines.clear()

    def note_payload(self, payload: bytes) -> None:
        """A message with a book in it arrived: whichever missing token it names has its book."""
        for token_id in [each for each in self._deadlines if each.encode() in payload]:
            del self._deadlines[token_id]
            self._tries.pop(token_id, None)

    def overdue(self, now_ns: int) -> Overdue | None:
        """What is due now; taken, the next deadlines run from now."""
        late = [token_id for token_id, deadline in self._deadlines.items() if now_ns >= deadline]
        if not late:
            return None
        replace = False
        for token_id in late:
            tried = self._tries.get(token_id, 0)
            self._tries[token_id] = tried + 1
            replace = replace or tried == 1
            self._deadlines[token_id] = now_ns + self._timeout_ns * 2 ** min(tried, 6)
        return Overdue(tuple(late), replace)
