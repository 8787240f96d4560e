"""The gaps that a producer has declared: counted, and the newest ones kept to be shown."""

from collections import deque

from common.core.counters import GAPS, part
from common.core.instants import utc_text
from common.core.rows.gap import Gap
from common.runtime.process import Runtime

RECENT_GAPS = 20


class DeclaredGaps:
    """Of any producer but a reader, which keeps its gaps over several lives."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._recent: deque[Gap] = deque(maxlen=RECENT_GAPS)

    @property
    def recent(self) -> tuple[Gap, ...]:
        """Those that were declared last."""
        return tuple(self._recent)

    def note(self, gap: Gap) -> None:
        """The row of a gap is in the outbox."""
        self._recent.append(gap.declared(utc_text(self._runtime.clock.wall_ns())))
        self._runtime.tally.add(GAPS)
        self._runtime.tally.add(part(GAPS, gap.cause))
