"""What the book auditor wants done about a book that diverged, or a feed that froze: its wishes to the readers.

A divergence is healed in steps: the token is subscribed again, which brings a new snapshot; if the next check
diverges too the connection is replaced, once a new snapshot has told what was wrong; what that does not heal
either is counted and told, and nothing else.
"""

from collections.abc import Collection
from typing import Any, Literal

import msgspec

NS = 1_000_000_000
REPLACE_INTERVAL_NS = (
    600 * NS
)  # of one reader: a fault that is not in the connection must not cost it its data
TOLD_INTERVAL_NS = 30 * NS  # of one token that nothing heals: each of its checks may fail

Action = Literal["resubscribe", "replace", "stale", "none"]
_STEPS: tuple[Action, ...] = ("resubscribe", "replace", "none")


class Wish(msgspec.Struct, frozen=True):
    """One wish. `number` grows by one in a run; whoever has done one does it never again.

    It is about one session of one reader: it means nothing to any other. `divergence` is the detail of the
    row that the reader records, None for `stale`. `last_market_data_ns` is the receive time (wall) of the
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
    divergence: dict[str, Any] | None = None


class _Diverged(msgspec.Struct):
    check: str
    steps: int
    told_ns: int


class Healing:
    """Which step is next for each book of a reader that diverged, until a check of the same kind agrees again."""

    def __init__(self) -> None:
        self._diverged: dict[tuple[str, str], _Diverged] = {}
        self._replaced_ns: dict[str, int] = {}

    def diverged(self, reader: str, token_id: str, check: str, now_ns: int) -> Action | None:
        """A check of this kind diverged: what to do now, None while the same was told moments ago."""
        known = self._diverged.get((reader, token_id))
        if known is None:
            known = self._diverged[reader, token_id] = _Diverged(check, 0, now_ns)
        elif known.steps >= len(_STEPS) and now_ns - known.told_ns < TOLD_INTERVAL_NS:
            return None
        action = _STEPS[min(known.steps, len(_STEPS) - 1)]
        known.check, known.told_ns = check, now_ns
        known.steps += 1
        return self._spare(reader, now_ns) if action == "replace" else action

    def _spare(self, reader: str, now_ns: int) -> Action:
        replaced_ns = self._replaced_ns.get(reader)
        if replaced_ns is not None and now_ns - replaced_ns < REPLACE_INTERVAL_NS:
            return "none"
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
