"""What the book auditor wants done about a book that diverged, or a feed that froze: its wishes to the readers.

A divergence is healed in steps: the token is subscribed again, which brings a new snapshot; if the next check
diverges too the connection is replaced, once a new snapshot is recorded that shows what was wrong; what that does
not heal either is recorded and counted, and nothing else.
"""

from collections.abc import Collection
from typing import Literal

import msgspec

from common.core.audit.frozen import Evidence

NS = 1_000_000_000
REPLACE_INTERVAL_NS = (
    600 * NS
)  # of one reader: a fault that is not in the connection must not cost it its data

Action = Literal["resubscribe", "replace", "stale"]
_STEPS: tuple[Action, ...] = ("resubscribe", "replace")


class Wish(msgspec.Struct, frozen=True):
    """One wish. `number` grows by one in a run; a reader that has done one does it never again.

    It is about one session of one reader: it means nothing to any other. `diverged`: the token's book was found
    wrong, so that messages of it may be missing. `last_market_data_ns` is the receive time (wall) of the
    newest market data of the session that the auditor has seen: newer data refutes a `stale`. `good_until_ns` is
    the newest moment (wall time) at which the token's book was proved, 0 where it never was.
    """

    number: int
    reader: str
    session_id: str
    action: Action
    token_id: str
    why: str
    last_market_data_ns: int = 0
    good_until_ns: int = 0
    diverged: bool = False


def stale_wish(reader: str, session_id: str, evidence: Evidence, last_market_data_ns: int) -> Wish:
    """The wish that a frozen session be ended."""
    newer_s = (evidence.checkpoint_ms - evidence.stream_ms) / 1000
    why = f"a checkpoint is {newer_s:.3f} s newer than the silent stream"
    token_id = evidence.token_id
    return Wish(0, reader, session_id, "stale", token_id, why, last_market_data_ns=last_market_data_ns)


class _Diverged(msgspec.Struct):
    check: str
    steps: int


class Healing:
    """Which step is next for each book of a reader that diverged, until a check of the same kind agrees again."""

    def __init__(self) -> None:
        self._diverged: dict[tuple[str, str], _Diverged] = {}
        self._replaced_ns: dict[str, int] = {}

    def diverged(self, reader: str, token_id: str, check: str, now_ns: int) -> Action | None:
        """A check of this kind diverged: what to do now, None where nothing is left to try."""
        known = self._diverged.setdefault((reader, token_id), _Diverged(check, 0))
        known.check = check
        if known.steps >= len(_STEPS):
            return None
        action = _STEPS[known.steps]
        known.steps += 1
        return self._spare(reader, now_ns) if action == "replace" else action

    def _spare(self, reader: str, now_ns: int) -> Action | None:
        replaced_ns = self._replaced_ns.get(reader)
        if replaced_ns is not None and now_ns - replaced_ns < REPLACE_INTERVAL_NS:
            return None
        self._replaced_ns[reader] = now_ns
        return "replace"

    def agreed(self, reader: str, token_id: str, check: str) -> None:
        """A check of this kind agreed: the book is healed if it was the kind that diverged."""
        known = self._diverged.get((reader, token_id))
        if known is not None and known.check == check:
            del self._diverged[reader, token_id]

    def dropped(self, reader: str, token_id: str) -> None:
        """The reader follows the token no more."""
        self._diverged.pop((reader, token_id), None)

    def follows(self, reader: str, token_ids: Collection[str]) -> None:
        """The reader follows these tokens and no others."""
        for book in [each for each in self._diverged if each[0] == reader and each[1] not in token_ids]:
            del self._diverged[book]

    def has_diverged(self, reader: str, token_id: str) -> bool:
        """Whether the book diverged and has not agreed since."""
        return (reader, token_id) in self._diverged

    @property
    def unhealed(self) -> int:
        """Tokens with a book that diverged and has not agreed since."""
        return len({token_id for _, token_id in self._diverged})
