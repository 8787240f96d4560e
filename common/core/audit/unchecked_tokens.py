"""The tokens of one connection of which no check could be made yet, and those whose snapshot passed unheard."""

from collections.abc import Collection, Iterable, Iterator

from common.core.audit.results import Result
from common.core.books.connection import Books

NS = 1_000_000_000
PATIENCE_NS = 30 * NS  # a refresh or the first check may come by itself


class UncheckedTokens:
    """Filled message by message. Times are receive times, in nanoseconds since 1970."""

    def __init__(self) -> None:
        self._session_id = ""
        self._since_ns: dict[str, int] = {}
        self._checked: set[str] = set()
        self._missed_ns = 0

    def subscribed(self, session_id: str, token_ids: Iterable[str], at_ns: int) -> None:
        """All that the session is subscribed to now."""
        if session_id != self._session_id:
            self._session_id, self._since_ns, self._checked, self._missed_ns = session_id, {}, set(), 0
        self._since_ns = {token_id: self._since_ns.get(token_id, at_ns) for token_id in token_ids}
        self._checked &= self._since_ns.keys()

    def checked(self, result: Result) -> None:
        """What came of a check."""
        if result.verdict != "not_checkable":
            self._checked.add(result.token_id)

    def missed(self, at_ns: int) -> None:
        """Messages have passed unheard, snapshots among them perhaps."""
        self._missed_ns = at_ns

    def never(self, now_ns: int) -> Collection[str]:
        """The tokens of which no check could be made since they were subscribed, longer ago than a check takes."""
        return [
            token_id
            for token_id, since_ns in self._since_ns.items()
            if token_id not in self._checked and now_ns - since_ns > PATIENCE_NS
        ]

    def without_book(self, books: Books, now_ns: int) -> Iterator[str]:
        """The tokens without a book since messages passed unheard, longer ago than a refresh takes."""
        if self._missed_ns and now_ns - self._missed_ns > PATIENCE_NS:
            yield from (token_id for token_id in self._since_ns if token_id not in books.by_token)
