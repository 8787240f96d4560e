"""The recent sessions of a reader, as the run manifest shows them."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from common.core.instants import utc_text

RECENT = 20


class SessionHistory:
    """The newest sessions, oldest first; the last one may still be open.

    `before` is what a predecessor showed last: its open session ended with it.
    """

    def __init__(self, before: Iterable[Mapping[str, Any]] = ()) -> None:
        self._sessions: deque[dict[str, Any]] = deque(map(dict, before), maxlen=RECENT)
        if self._sessions and self._sessions[-1]["closed_at_utc"] is None:
            self._sessions[-1]["close_reason"] = "reader_died"

    def opened(self, session_id: str, at_ns: int, tokens: int) -> None:
        """A session began."""
        self._sessions.append(
            {
                "session_id": session_id,
                "opened_at_utc": utc_text(at_ns),
                "closed_at_utc": None,
                "tokens": tokens,
                "messages": 0,
                "close_reason": None,
                "close_detail": None,
                "stale": False,
            }
        )

    def counted(self, messages: int) -> None:
        """The newest session has so many messages by now."""
        if self._sessions:
            self._sessions[-1]["messages"] = messages

    def closed(self, reason: str, words: str, at_ns: int, *, stale: bool) -> None:
        """The newest session ended."""
        self._sessions[-1].update(
            closed_at_utc=utc_text(at_ns), close_reason=reason, close_detail=words, stale=stale
        )

    def rows(self) -> list[dict[str, Any]]:
        """A copy for the manifest."""
        return [dict(session) for session in self._sessions]
