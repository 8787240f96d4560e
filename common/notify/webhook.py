"""Posts events to the webhook one after the other, in the background: the recorder never waits for it."""

import logging
import random
from collections.abc import Sequence
from functools import partial

import msgspec

from common.core.backoff import Backoff
from common.core.instants import NS_PER_SECOND
from common.core.operator_events.event import OperatorEvent
from common.notify.request import TIMEOUT_S, Outcome, ask
from common.runtime.background import BackgroundCall
from common.runtime.run.facts import Tally

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0

log = logging.getLogger(__name__)


class Webhook:
    """The events that wait are those of the run's newest ones that were not posted: there is no second queue.

    `posted` is the id of the newest event that needs no posting any more. An event that its receiver refuses, or that
    was pushed out by newer ones while the receiver was away, is dropped and counted.
    """

    def __init__(
        self, url: str, tally: Tally, *, ca_file: str = "", posted: int = 0, timeout_s: float = TIMEOUT_S
    ) -> None:
        self.posted = posted
        self._ask = partial(ask, "POST", url, ca_file=ca_file, timeout_s=timeout_s)
        self._tally = tally
        self._backoff = Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S, chance=random.random)
        self._call: BackgroundCall[Outcome] | None = None
        self._under_way = 0
        self._not_before_ns = 0

    def step(self, recent: Sequence[OperatorEvent], now_monotonic_ns: int) -> None:
        """Look at the post under way, and begin the next one when it is time. Never waits."""
        if self._call is not None:
            if not self._call.done:
                return
            outcome, self._call = self._call.result(), None
            self._settle(outcome, now_monotonic_ns)
        waiting = [event for event in recent if event.id > self.posted]
        if not waiting or now_monotonic_ns < self._not_before_ns:
            return
        event = waiting[0]
        self._drop(event.id - self.posted - 1, "newer events took its place")
        self._under_way, self.posted = event.id, event.id - 1
        body = msgspec.json.encode(event)
        self._call = BackgroundCall(partial(self._ask, body=body))

    def _settle(self, outcome: Outcome, now_monotonic_ns: int) -> None:
        if not outcome.reason:
            self._tally.add("webhook_posts_total")
            self._go_on()
            return
        self._tally.add("webhook_failures_total")
        if outcome.for_good:
            self._drop(1, outcome.reason)
            self._go_on()
            return
        wait_s = self._backoff.next_wait_s(at_least_s=outcome.retry_after_s)
        self._not_before_ns = now_monotonic_ns + int(wait_s * NS_PER_SECOND)
        log.warning("event not posted, trying again", extra={"reason": outcome.reason, "wait_s": wait_s})

    def _go_on(self) -> None:
        self.posted = self._under_way
        self._not_before_ns = 0
        self._backoff.reset()

    def _drop(self, count: int, reason: str) -> None:
        if count > 0:
            self._tally.add("webhook_events_dropped_total", count)
            log.warning("events dropped, not posted", extra={"count": count, "reason": reason})
