"""The recent sessions of a reader, as the run manifest shows them."""

from collections import deque
from collections.abc import Iterable
from copy import copy

import msgspec

from common.core.instants import utc_text

RECENT = 20


class SessionShown(msgspec.Struct):
    """One session. Until it ends `closed_at_utc`, `close_reason` and `close_detail` are None."""

    session_id: str
    opened_at_utc: str
    closed_at_utc: str | None
    tokens: int
    messages: int
    close_reason: str | None
    close_detail: str | None
    stale: bool


class SessionHistory:
    """The newest sessions, oldest first; the last one may still be open.

    `before` is what a predecessor showed last: its open session ended with it.
    """

    def __init__(self, before: Iterable[SessionShown] = ()) -> None:
        self._sessions = deque(map(copy, before), maxlen=RECENT)
        if self._sessions and self._sessions[-1].closed_at_utc is None:
            self._sessions[-1].close_reason = "reader_died"

    def opened(self, session_id: str, at_ns: int, tokens: int) -> None:
        """A session began."""
        self._sessions.append(
            SessionShown(
                session_id=session_id,
                opened_at_utc=utc_text(at_ns),
                closed_at_utc=None,
                tokens=tokens,
                messages=0,
                close_reason=None,
                close_detail=None,
                stale=False,
            )
        )

    def counted(self, messages: int) -> None:
        """The newest session has so many messages by now."""
        if self._sessions:
            self._sessions[-1].messages = messages

    def closed(self, reason: str, words: str, at_ns: int, *, stale: bool) -> None:
        """The newest session ended."""
        newest = self._sessions[-1]
        newest.closed_at_utc, newest.stale = utc_text(at_ns), stale
        newest.close_reason, newest.close_detail = reason, words

    def rows(self) -> tuple[SessionShown, ...]:
        """A copy for the manifest."""
        return tuple(map(copy, self._sessions))
