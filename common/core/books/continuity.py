"""When the books of a connection can no longer be trusted: a new session, a gap, a message that is missing."""

from collections.abc import Mapping
from typing import Any

import msgspec

from common.core.rows.websocket import GAP, SESSION_CLOSED, SESSION_OPENED, SUBSCRIPTION_CHANGED


class Break(msgspec.Struct, frozen=True):
    """Books that are void from here on, until their next snapshots. `token_ids` None: all of the connection."""

    reason: str
    token_ids: tuple[str, ...] | None = None


class Continuity:
    """Follows the rows of one producer in their order."""

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._sequence = 0

    def message(self, session_id: str | None, message_sequence: int) -> Break | None:
        """A message came; what breaks before it is to be applied, None if nothing does."""
        follows = session_id == self._session_id and message_sequence == self._sequence + 1
        known = session_id == self._session_id and self._sequence > 0
        self._session_id, self._sequence = session_id, message_sequence
        if follows:
            return None
        return Break("messages are missing" if known else "the session's beginning is missing")

    def life_cycle(self, record_type: str, session_id: str | None, detail: Mapping[str, Any]) -> Break | None:
        """A life-cycle row came; what breaks with it, None if nothing does."""
        if record_type == SESSION_OPENED:
            self._session_id, self._sequence = session_id, 0
            return Break("a new session")
        if record_type == SESSION_CLOSED:
            return Break("the session ended")
        if record_type == GAP and not {"token_ids", "market_slug"} & detail.keys():
            # one of single tokens is about the past: what is wrong with their books is told by other rows
            return Break(f"a gap: {detail.get('cause', '')}")
        if record_type == SUBSCRIPTION_CHANGED and (gone := _texts(detail.get("unsubscribed"))):
            return Break("unsubscribed", gone)
        return None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
