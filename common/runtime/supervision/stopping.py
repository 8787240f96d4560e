"""How the processes of a run are stopped: rank by rank, first what takes in, then what drains."""

from collections.abc import Mapping

from common.core.run_state import SupervisorState
from common.runtime.supervision.child import Child

STOP_LIMIT_S = {1: 3.0, 2: 8.0, 3: 6.0, 4: 2.0}  # by stop rank; 19 s in all, of the 20 that are promised
HURRY_S = 1.0
PRODUCERS_RANK = 2  # the stop rank of those with an outbox


class Stopping:
    """`rank` is 0 until it begins. Times are monotonic nanoseconds."""

    def __init__(self, children: Mapping[str, Child]) -> None:
        self.rank = 0
        self.undrained: set[str] = set()
        self._children = children

    def begin(self, now: int) -> None:
        """Stop what takes in; what is down for the moment is started at once, because others need it to drain."""
        if not self.rank:
            for child in self._children.values():
                child.start_at_once()
            self._enter(min(STOP_LIMIT_S), now)

    def hurry(self, now: int) -> None:
        """Stop everything at once; what is not durable yet waits in the outboxes for the next run."""
        self.rank = max(STOP_LIMIT_S)
        for child in self._children.values():
            child.hurry(HURRY_S, now)

    def go_on(self, now: int) -> None:
        """Stop the next rank once all before it have ended."""
        ranked = [each for each in self._children.values() if each.instance.kind.stop_rank <= self.rank]
        if self.rank < max(STOP_LIMIT_S) and not any(child.busy(now) for child in ranked):
            self._enter(self.rank + 1, now)

    def _enter(self, rank: int, now: int) -> None:
        self.rank = rank
        for child in self._children.values():
            if child.instance.kind.stop_rank == rank:
                child.stop(STOP_LIMIT_S[rank], now)

    def note_end(self, child: Child, exit_code: int) -> None:
        """A producer that did not end in order holds rows, whether or not its outbox is still there.

        One that was told to stop while it was still starting holds none.
        """
        if child.stopping and child.instance.kind.stop_rank == PRODUCERS_RANK:
            (self.undrained.add if exit_code and child.may_hold_rows else self.undrained.discard)(child.name)

    def state(self, now: int) -> SupervisorState:
        """What the run is doing, as the supervisor sees it."""
        children = self._children.values()
        if self.rank:
            data_processes = [child for child in children if child.instance.kind.name != "manifest"]
            return "stopping" if any(child.busy(now) for child in data_processes) else "stopped"
        needed = [child for child in children if not child.instance.kind.beside_the_books]
        if any(child.is_flapping(now) for child in needed):
            return "failed"
        return "running" if needed and all(child.runs for child in needed) else "starting"
