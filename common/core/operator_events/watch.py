"""Turns looks at a run into the few events that an operator wants to hear of.

What lasts is told when it begins and when it is over, and only after it has lasted for a moment: a connection that
is replaced within seconds is nobody's concern. Gaps are told together, at most once a minute.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence

import msgspec

from common.core.instants import NS_PER_SECOND, utc_text
from common.core.operator_events.event import (
    KEPT,
    EventKind,
    Lasting,
    OperatorEvent,
    lasted_s,
    still_open,
)
from common.core.operator_events.gaps import GapWatch
from common.core.page.verdict import Level
from common.core.rows.gap import Gap
from common.core.terminal.text import rough_span_text

BEGIN_S: Mapping[Lasting, float] = {"one_leg": 30.0, "problem": 10.0}  # the others have waited already
END_S: Mapping[Lasting, float] = {"disk": 600.0}  # its outlook wavers with the rate
END_OTHERWISE_S = 30.0
GAPS_S = 60.0
NOT_JUDGED: Mapping[Level, frozenset[Lasting]] = {
    "dark": frozenset({"one_leg", "problem", "divergence"}),  # nobody can know these without any data
}


class Seen(msgspec.Struct, frozen=True):
    """One look at the run. `lasting` maps what is the case now to the reason, as a message.

    `divergences` counts over the run; `gaps` are the newest gaps by reader.
    """

    wall_ns: int
    monotonic_ns: int
    level: Level
    lasting: Mapping[Lasting, str]
    divergences: int
    gaps: Mapping[str, Sequence[Gap]]
    legs: int


class _Edge(msgspec.Struct):
    """Something that may last: whether it was told, and since when it is otherwise than told (monotonic)."""

    told_at_ns: int | None = None  # wall
    otherwise_since_ns: int | None = None


class EventWatch:
    """Keeps the newest events of the run; `before` are those that an earlier life of this process kept."""

    def __init__(
        self, *, run_id: str, host: str, exchange: str, before: Sequence[OperatorEvent] = ()
    ) -> None:
        self.recent: deque[OperatorEvent] = deque(before, maxlen=KEPT)
        self._origin = {"run_id": run_id, "host": host, "exchange": exchange}
        self._next_id = before[-1].id + 1 if before else 1
        self._edges: dict[Lasting, _Edge] = {
            kind: _Edge(told_at_ns=at_ns) for kind, at_ns in still_open(before).items()
        }
        self._gap_watch = GapWatch()
        self._gaps: Counter[str] = Counter()
        self._gaps_next_ns = 0
        self._divergences: int | None = None

    def note(self, seen: Seen) -> None:
        """Take a look, about once a second."""
        fresh = self._gap_watch.fresh(seen.gaps, legs=seen.legs)
        self._gaps.update(gap.cause for gap in fresh)
        lasting = dict(seen.lasting)
        if self._divergences is not None and seen.divergences > self._divergences:
            lasting.setdefault("divergence", "a rebuilt book disagreed with the exchange")
        self._divergences = seen.divergences
        if seen.level in {"starting", "stopping"}:
            return
        for kind in dict.fromkeys([*lasting, *self._edges]):
            if kind not in NOT_JUDGED.get(seen.level, frozenset()):
                self._judge(kind, lasting.get(kind), seen)
        self._tell_gaps(seen)

    def _judge(self, kind: Lasting, reason: str | None, seen: Seen) -> None:
        edge = self._edges.setdefault(kind, _Edge())
        if (edge.told_at_ns is not None) == (reason is not None):
            edge.otherwise_since_ns = None
            return
        if edge.otherwise_since_ns is None:
            edge.otherwise_since_ns = seen.monotonic_ns
        wait_s = BEGIN_S.get(kind, 0.0) if reason is not None else END_S.get(kind, END_OTHERWISE_S)
        if seen.monotonic_ns - edge.otherwise_since_ns < wait_s * NS_PER_SECOND:
            return
        edge.otherwise_since_ns = None
        if reason is not None:
            edge.told_at_ns = seen.wall_ns
            self._tell(kind, reason, seen.wall_ns)
            return
        assert edge.told_at_ns is not None, "it was told, or there would be nothing to heal"
        lasted = lasted_s(edge.told_at_ns, seen.wall_ns)
        edge.told_at_ns = None
        words = f"{kind.replace('_', ' ')} is over after {rough_span_text(lasted)}"
        self._tell("healed", words, seen.wall_ns, healed=kind, lasted_seconds=lasted)

    def _tell_gaps(self, seen: Seen) -> None:
        if not self._gaps or seen.monotonic_ns < self._gaps_next_ns:
            return
        self._gaps_next_ns = seen.monotonic_ns + int(GAPS_S * NS_PER_SECOND)
        count = self._gaps.total()
        causes = ", ".join(f"{cause} ({times})" for cause, times in sorted(self._gaps.items()))
        covered = "" if seen.legs < 2 else " on both legs"
        self._gaps.clear()
        self._tell("gap", f"messages may be missing{covered}: {causes}", seen.wall_ns, count=count)

    def _tell(
        self,
        kind: EventKind,
        text: str,
        wall_ns: int,
        *,
        healed: Lasting | None = None,
        lasted_seconds: float | None = None,
        count: int = 1,
    ) -> None:
        event = OperatorEvent(
            id=self._next_id,
            event=kind,
            at_utc=utc_text(wall_ns),
            text=text,
            healed=healed,
            lasted_seconds=lasted_seconds,
            count=count,
            **self._origin,
        )
        self._next_id += 1
        self.recent.append(event)
