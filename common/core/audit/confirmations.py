"""Until when checkpoints confirm a reader's books: a market that is quiet, and not a stream that is frozen."""

from collections.abc import Iterable

import msgspec


class Confirmed(msgspec.Struct, frozen=True):
    """Every book of this session that REST shows was the rebuilt one at this instant (wall time)."""

    session_id: str
    until_ns: int


class Confirmations:
    """By reader, for its present session. A token counts from when a checkpoint shows it first."""

    def __init__(self) -> None:
        self._sessions: dict[str, str] = {}
        self._tokens: dict[str, dict[str, int]] = {}

    def shown(self, reader: str, session_id: str, token_id: str) -> None:
        """A checkpoint shows this token, of which the reader has a book."""
        if self._sessions.get(reader) != session_id:
            self._sessions[reader], self._tokens[reader] = session_id, {}
        self._tokens[reader].setdefault(token_id, 0)

    def agreed(self, reader: str, session_id: str, token_id: str, requested_ns: int) -> None:
        """A checkpoint that was requested then shows the rebuilt book."""
        tokens = self._tokens.get(reader, {})
        if self._sessions.get(reader) == session_id and token_id in tokens:
            tokens[token_id] = max(requested_ns, tokens[token_id])

    def left_out(self, token_ids: Iterable[str]) -> None:
        """REST has no books of these: their markets are over, and nothing can confirm them."""
        for token_id in token_ids:
            for tokens in self._tokens.values():
                tokens.pop(token_id, None)

    def dropped(self, reader: str, token_ids: Iterable[str] | None) -> None:
        """The reader's books of these are void, or all of them (None)."""
        if token_ids is None:
            self._sessions.pop(reader, None)
            self._tokens.pop(reader, None)
            return
        for token_id in token_ids:
            self._tokens.get(reader, {}).pop(token_id, None)

    def until_ns(self, reader: str, token_id: str) -> int:
        """Until when this one book is confirmed, 0 where it never was in the present session."""
        return self._tokens.get(reader, {}).get(token_id, 0)

    @property
    def confirmed(self) -> dict[str, Confirmed]:
        """By reader, where there is such an instant."""
        return {
            reader: Confirmed(self._sessions[reader], min(tokens.values()))
            for reader, tokens in self._tokens.items()
            if tokens and min(tokens.values())
        }
