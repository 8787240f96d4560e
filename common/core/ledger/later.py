"""What the rows behind a window say about it: sessions that went on, and gaps that reach back.

A session without an end in its window may have outlived it, or died with its process; only what came later
tells. Gaps are declared when they are over, so that too.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from common.core.audit.divergence import MISSING
from common.core.instants import parse_utc_ns
from common.core.ledger.document import GapTime, Window


class LaterGap(msgspec.Struct, frozen=True):
    """A gap of a producer, declared in the window that begins at `declared_in_ns`; its leg where it has one."""

    producer: str
    declared_in_ns: int
    gap: GapTime
    leg: str | None = None


class Later:
    """Filled from sidecars and from what is open; asked window by window."""

    def __init__(self) -> None:
        self._last_window: dict[tuple[str, str], int] = {}
        self._gaps: list[LaterGap] = []

    def add(
        self,
        window_start_ns: int,
        sessions: Iterable[tuple[str, str]],
        gaps: Iterable[tuple[str, Mapping[str, Any]]],
        leg: str | None = None,
    ) -> None:
        """What an archive of a window holds of a leg: (producer, session) and (producer, detail of a gap row)."""
        for key in sessions:
            self._last_window[key] = max(window_start_ns, self._last_window.get(key, 0))
        for producer, detail in gaps:
            gap = gap_time(detail)
            if gap is not None:
                self._gaps.append(LaterGap(producer, window_start_ns, gap, leg))

    def goes_on(self, producer: str, session_id: str, window: Window) -> bool:
        """Whether a session is known from a window behind this one."""
        return self._last_window.get((producer, session_id), 0) > window.from_ns

    def gaps_into(self, window: Window) -> list[LaterGap]:
        """What reaches into the window of the gaps that were declared after it."""
        return [
            msgspec.structs.replace(each, gap=part)
            for each in self._gaps
            if each.declared_in_ns > window.from_ns and (part := each.gap.within(window)) is not None
        ]


def gap_time(detail: Mapping[str, Any]) -> GapTime | None:
    """The time of a `gap` row's detail; None where its texts are not instants, or no messages are missing in it."""
    if detail.get("missing") == MISSING:
        return None
    try:
        from_ns, to_ns = parse_utc_ns(str(detail.get("from_utc"))), parse_utc_ns(str(detail.get("to_utc")))
    except ValueError:
        return None
    token_ids = detail.get("token_ids")
    return GapTime(
        from_ns,
        to_ns,
        str(detail.get("cause")),
        token_ids=tuple(map(str, token_ids)) if isinstance(token_ids, list) else (),
        market_slug=str(detail.get("market_slug", "")),
        reason=str(detail.get("reason", "")),
    )
