"""Asks a URL at regular intervals while the recorder is well: who waits for it learns of everything else by silence."""

import logging
from functools import partial

from common.core.instants import NS_PER_SECOND
from common.notify.request import TIMEOUT_S, Outcome, ask
from common.runtime.background import BackgroundCall
from common.runtime.run.facts import Tally

log = logging.getLogger(__name__)


class Heartbeat:
    """One request at a time, in the background; one that failed is not repeated before the next is due."""

    def __init__(
        self, url: str, interval_s: float, tally: Tally, *, ca_file: str = "", timeout_s: float = TIMEOUT_S
    ) -> None:
        self._ask = partial(ask, "GET", url, ca_file=ca_file, timeout_s=timeout_s)
        self._interval_ns = int(interval_s * NS_PER_SECOND)
        self._tally = tally
        self._call: BackgroundCall[Outcome] | None = None
        self._next_ns = 0
        self._failing = False

    def step(self, now_monotonic_ns: int, *, healthy: bool) -> None:
        """Begin a request when one is due and the recorder is well at this moment. Never waits."""
        if self._call is not None:
            if not self._call.done:
                return
            outcome, self._call = self._call.result(), None
            self._note(outcome)
        if healthy and now_monotonic_ns >= self._next_ns:
            self._next_ns = now_monotonic_ns + self._interval_ns
            self._call = BackgroundCall(self._ask)

    def _note(self, outcome: Outcome) -> None:
        self._tally.add("heartbeat_failures_total" if outcome.reason else "heartbeats_total")
        if outcome.reason and not self._failing:
            log.warning("heartbeat failed", extra={"reason": outcome.reason})
        self._failing = bool(outcome.reason)
