"""How far a whole leg is behind: one that gets everything minutes late is compared at the time when it was due."""

from common.core.events.kinds import FRESH_KINDS
from common.core.instants import NS_PER_SECOND

ALLOWED_NS = 6 * NS_PER_SECOND  # a backlog of so long is usual, and well within the horizon
_MS_NS = 1_000_000


class Lateness:
    """Of one leg, over all its units."""

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._latest_ms = 0
        self._behind_ns = 0

    def behind_ns(self, session_id: str | None, received_ns: int, kind: str, exchange_ms: int) -> int:
        """Of the next message: 0 unless changes are received more than six seconds after their exchange time."""
        if session_id != self._session_id:
            self._session_id, self._latest_ms, self._behind_ns = session_id, 0, 0
        if kind in FRESH_KINDS and exchange_ms > self._latest_ms:
            self._latest_ms = exchange_ms
            self._behind_ns = max(0, received_ns - exchange_ms * _MS_NS - ALLOWED_NS)
        return self._behind_ns
