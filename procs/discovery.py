"""Polls Gamma and keeps the discovery file; a failure leaves the file as it was, and is counted."""

import logging
from typing import Any

from common.core.instants import utc_text
from common.core.market import DiscoveryFile
from common.errors import DiscoveryError
from common.polymarket.discover import refresh
from common.polymarket.discovery_file import discovery_path
from common.runtime.background import BackgroundCall
from common.runtime.facts import read_facts
from common.runtime.orders import OrdersFollower
from common.runtime.process import Runtime, main

LOOK_NS = 500_000_000

log = logging.getLogger("discovery")


class Discovery:
    """One discovery an interval, beside the loop, so that a silent Gamma holds nothing up."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._path = discovery_path(runtime.data_root)
        self._interval_ns = int(runtime.settings.discovery.refresh_interval_seconds * 1e9)
        # The command that started this run has just asked.
        self._next_ns = runtime.clock.monotonic_ns() + self._interval_ns
        self._call: BackgroundCall[DiscoveryFile] | None = None
        self._orders = OrdersFollower(runtime.run_dir)
        self._wishes = 0
        self._next_look_ns = 0
        self._last_error = ""
        self._last_success_utc: str | None = None
        self._stopping = False

    def step(self, timeout_s: float) -> bool:
        """Ask when it is time, take the answer when it is there."""
        now = self._runtime.clock.monotonic_ns()
        if self._call is not None:
            self._take(self._call)
        elif now >= self._next_ns or self._is_asked(now):
            self._next_ns = now + self._interval_ns
            wall_ns = self._runtime.clock.wall_ns()
            assignment = self._runtime.assignment
            self._call = BackgroundCall(
                lambda: refresh(assignment.settings, self._path, wall_ns, assignment.exchange)
            )
        if self._stopping:
            return False
        self._runtime.clock.sleep(timeout_s)
        return True

    def _is_asked(self, now: int) -> bool:
        """Whether a user, a stale reader or a new market asked since the last time."""
        if now < self._next_look_ns:
            return False
        self._next_look_ns = now + LOOK_NS
        wishes = self._orders.current(now).discoveries + sum(
            facts.counters.get(counter, 0)
            for facts in read_facts(self._runtime.run_dir).values()
            for counter in ("forced_discovery_refreshes_total", "discovery_hints_total")
        )
        asked = wishes > self._wishes
        self._wishes = wishes
        return asked

    def _take(self, call: BackgroundCall[DiscoveryFile]) -> None:
        if not call.done:
            return
        self._call = None
        try:
            call.result()
        except DiscoveryError as error:
            self._last_error = str(error)
            self._runtime.tally.add("discovery_failures_total")
            log.warning("discovery failed", extra={"reason": self._last_error})
            return
        self._last_error = ""
        self._last_success_utc = utc_text(self._runtime.clock.wall_ns())
        self._runtime.tally.add("discoveries_total")

    def stop(self) -> None:
        """Nothing is held that needs draining."""
        self._stopping = True

    def details(self) -> dict[str, Any]:
        """The last success and failure, as the run manifest shows them."""
        return {"last_success_at_utc": self._last_success_utc, "last_error": self._last_error}

    def close(self) -> None:
        """Nothing is held open."""


if __name__ == "__main__":
    main(Discovery)
