"""What a reader knows of the other leg: whether it may give its own connection up for a better one."""

from collections.abc import Iterable
from pathlib import Path

from common.core.rows.origin import LEGS, Leg
from common.runtime.run.details import ReaderDetails
from common.runtime.run.facts import read_facts

LONGEST_WAIT_NS = 60_000_000_000  # after which a connection that is to be replaced is replaced all the same
LOOK_NS = 500_000_000
_FRESH_NS = 5_000_000_000


class OtherLeg:
    """Its readers, as they state themselves. With one leg there is none, and nothing to wait for."""

    def __init__(self, run_dir: Path, leg: Leg | None) -> None:
        self._run_dir = run_dir
        self._suffix = next((other for other in LEGS if other != leg), "") if leg is not None else ""
        self._waits_since_ns: int | None = None
        self._next_look_ns = 0
        self._up = False

    def allows_replacement(self, now_ns: int) -> bool:
        """Whether a connection that is due to be replaced may go now: the other leg records, or has not for long."""
        if not self._suffix:
            return True
        if self._waits_since_ns is None:
            self._waits_since_ns = now_ns
        if now_ns >= self._next_look_ns:
            self._next_look_ns = now_ns + LOOK_NS
            self._up = self._is_up(now_ns)
        if not self._up and now_ns - self._waits_since_ns < LONGEST_WAIT_NS:
            return False
        self._waits_since_ns = None
        return True

    def _is_up(self, now_ns: int) -> bool:
        states = list(self._states(now_ns))
        return bool(states) and all(state == "receiving" for state in states)

    def _states(self, now_ns: int) -> Iterable[str]:
        for name, facts in read_facts(self._run_dir).items():
            if name.startswith("ws_reader-") and name.endswith(self._suffix):
                fresh = now_ns - facts.updated_monotonic_ns < _FRESH_NS
                state = (
                    facts.details.state if fresh and isinstance(facts.details, ReaderDetails) else "silent"
                )
                if state != "no_tokens":
                    yield state
