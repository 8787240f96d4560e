"""The run as it stands now, for whoever asks: the run manifest, the two verdicts, and a few ages."""

import threading
from collections.abc import Mapping

import msgspec

from common.core.event_kinds import SUBSCRIBED_KINDS
from common.core.health import Patience, ReaderWord, Verdict, judge_health, judge_readiness
from common.core.instants import NS_PER_SECOND
from common.errors import DiscoveryError
from common.polymarket.discovery_file import discovery_path, read_discovery_file
from common.runtime.facts import Facts, read_facts
from common.runtime.process import Runtime
from common.runtime.run_manifest import RunManifest, compose

READER = "ws_reader"
LOOK_NS = 1_000_000_000  # how often the owner's loop looks
FRESH_NS = 250_000_000  # answers may be so old: a crowd that asks costs four looks a second


class Status(msgspec.Struct, frozen=True):
    """One look at the run. `since_market_message_s` is None before the first one."""

    manifest: RunManifest
    health: Verdict
    readiness: Verdict
    heartbeat_ages_s: dict[str, float]
    since_market_message_s: float | None


def current_manifest(runtime: Runtime, facts: Mapping[str, Facts], *, finished: bool) -> RunManifest:
    """The run manifest of this moment."""
    try:
        markets = read_discovery_file(discovery_path(runtime.data_root)).markets
    except DiscoveryError:
        markets = ()  # not discovered yet; the discovery process says why
    return compose(
        runtime.assignment, facts, markets=markets, now_ns=runtime.clock.wall_ns(), finished=finished
    )


class StatusBoard:
    """Looks at the run on request, from any thread. Its owner looks about once a second, so that waits count."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._patience = Patience(runtime.clock.monotonic_ns())
        self._looked_ns = 0
        self._status: Status | None = None

    def look(self) -> Status:
        """The run as it stands now, at most a quarter of a second old."""
        with self._lock:
            now = self._runtime.clock.monotonic_ns()
            if self._status is None or now - self._looked_ns > FRESH_NS:
                self._status = self._compose(now)
                self._looked_ns = now
            return self._status

    def _compose(self, now: int) -> Status:
        facts = read_facts(self._runtime.run_dir)
        manifest = current_manifest(self._runtime, facts, finished=False)
        running = {process["name"] for process in manifest.processes}
        waits = self._patience.note(
            {
                name: ReaderWord(
                    fact.details["state"],
                    fact.details.get("last_market_data_at_ns") or 0,
                    fact.updated_monotonic_ns,
                )
                for name, fact in facts.items()
                if name in running and name.startswith(READER)
            },
            now,
        )
        messages = sum(manifest.event_types.get(kind, 0) for kind in sorted(SUBSCRIBED_KINDS))
        return Status(
            manifest=manifest,
            health=judge_health(manifest.state, waits),
            readiness=judge_readiness(manifest.state, market_messages=messages),
            heartbeat_ages_s={
                name: max(0, now - fact.updated_monotonic_ns) / NS_PER_SECOND
                for name, fact in facts.items()
                if name in running or name == "supervisor"
            },
            since_market_message_s=self._since_market_message_s(facts),
        )

    def _since_market_message_s(self, facts: Mapping[str, Facts]) -> float | None:
        newest_ns = max(
            (fact.details.get("last_market_data_at_ns") or 0 for fact in facts.values()), default=0
        )
        if not newest_ns:
            return None
        return max(0, self._runtime.clock.wall_ns() - newest_ns) / NS_PER_SECOND
