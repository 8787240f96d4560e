"""Polls Gamma, keeps the discovery file, and states what of the selection is not recorded, and why."""

import logging

from common.core.discovery.watch import DiscoveryWatch
from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.market import DiscoveryFile
from common.errors import DiscoveryError
from common.polymarket.gamma.discover import Discoverer
from common.polymarket.gamma.discover import Discovery as Result
from common.polymarket.gamma.discovery_file import discovery_path, read_discovery_file
from common.runtime.background import BackgroundCall
from common.runtime.process import Runtime, main
from common.runtime.run.details import DiscoveryDetails
from common.runtime.run.facts import read_facts
from common.runtime.run.orders import OrdersFollower

LOOK_NS = 500_000_000
RETRY_NS = 10 * NS_PER_SECOND  # after a failure or an absence: either must be said within a minute

log = logging.getLogger("discovery")


class Discovery:
    """One discovery an interval, beside the loop, so that a silent Gamma holds nothing up."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        wanted = runtime.settings.discovery
        self._path = discovery_path(runtime.data_root, wanted)
        self._interval_ns = int(wanted.refresh_interval_seconds * NS_PER_SECOND)
        self._retry_ns = min(RETRY_NS, self._interval_ns)
        self._discoverer = Discoverer(runtime.settings, runtime.assignment.exchange)
        self._watch = DiscoveryWatch(
            lookahead_seconds=wanted.lookahead_seconds, market_limit=wanted.market_limit
        )
        self._call: BackgroundCall[Result] | None = None
        self._orders = OrdersFollower(runtime.run_dir)
        self._wishes = 0
        self._next_look_ns = self._next_state_ns = 0
        self._last_error = ""
        self._last_success_utc: str | None = None
        self._file: DiscoveryFile | None = None
        self._warnings: frozenset[str] = frozenset()
        self._stopping = False
        self._next_ns = runtime.clock.monotonic_ns() + self._take_first()

    def _take_first(self) -> int:
        """Go on from what the command that started this run has just discovered; how long that is good for."""
        wall_ns, now = self._runtime.clock.wall_ns(), self._runtime.clock.monotonic_ns()
        try:
            known = read_discovery_file(self._path, self._runtime.assignment.exchange)
        except DiscoveryError:
            self._watch.begins(now, wall_ns)
            return 0
        self._file = known
        self._watch.succeeded(known, {each.slug: each.reason for each in known.candidates if not each.taken})
        age_ns = wall_ns - parse_utc_ns(known.discovered_at_utc)
        if not 0 <= age_ns < self._interval_ns:
            self._watch.begins(now, wall_ns)
            return 0
        return self._wait_ns()

    def step(self, timeout_s: float) -> bool:
        """Ask when it is time, take the answer when it is there, and state what is wrong."""
        now = self._runtime.clock.monotonic_ns()
        wall_ns = self._runtime.clock.wall_ns()
        if self._call is not None:
            self._take(self._call, now)
        elif now >= self._next_ns or self._is_asked(now):
            self._next_ns = now + self._interval_ns
            self._watch.begins(now, wall_ns)
            self._call = BackgroundCall(lambda: self._discoverer.refresh(self._path, wall_ns))
        if now >= self._next_state_ns:
            self._next_state_ns = now + LOOK_NS
            for kind, reasons in self._watch.problems(now, wall_ns).items():
                self._runtime.problems.state(kind, reasons)
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

    def _take(self, call: BackgroundCall[Result], now: int) -> None:
        if not call.done:
            return
        self._call = None
        self._next_state_ns = 0
        try:
            self._succeed(call.result())
        except DiscoveryError as error:
            self._last_error = str(error)
            self._watch.failed(self._last_error)
            self._runtime.tally.add("discovery_failures_total")
            log.warning("discovery failed", extra={"reason": self._last_error})
        self._next_ns = now + self._wait_ns()

    def _succeed(self, result: Result) -> None:
        self._file = result.file
        self._watch.succeeded(result.file, result.said)
        self._last_error = ""
        self._last_success_utc = utc_text(self._runtime.clock.wall_ns())
        self._runtime.tally.add("discoveries_total")
        if result.failures:
            self._runtime.tally.add("discovery_failures_total")
        for warning in result.file.warnings:
            if warning not in self._warnings:
                log.warning("discovery warning", extra={"reason": warning})
        self._warnings = frozenset(result.file.warnings)

    def _wait_ns(self) -> int:
        """Until the next discovery: soon after a trouble, and less and less soon while it lasts."""
        if not self._watch.is_troubled:
            self._retry_ns = min(RETRY_NS, self._interval_ns)
            return self._interval_ns
        wait_ns, self._retry_ns = self._retry_ns, min(2 * self._retry_ns, self._interval_ns)
        return wait_ns

    def stop(self) -> None:
        """Nothing is held that needs draining."""
        self._stopping = True

    def details(self) -> DiscoveryDetails:
        """The last success and failure, and what it found, as other processes and the run manifest need it."""
        return DiscoveryDetails(
            last_success_at_utc=self._last_success_utc,
            last_error=self._last_error,
            clock_offset_s=None if self._file is None else self._file.clock_offset_seconds,
        )

    def close(self) -> None:
        """Nothing is held open."""


if __name__ == "__main__":
    main(Discovery)
