"""The run as it is now, for anyone who asks: the run manifest, the two verdicts, and a few ages."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from common.core.events.kinds import SUBSCRIBED_KINDS
from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.market import DiscoveryFile
from common.core.own_pause import OwnPause
from common.core.resolution.shown import resolution_warnings
from common.core.rows.gap import Gap
from common.core.status.disk_outlook import Growth, Room
from common.core.status.health import (
    Discovered,
    Patience,
    ReaderWord,
    Verdict,
    judge_health,
    judge_liveness,
    judge_readiness,
    warnings,
)
from common.core.status.legs import leg_warnings, of_one_leg, uncovered
from common.core.status.reference import reference_warnings
from common.core.status.rooms import file_warnings, spool_warnings
from common.errors import DiscoveryError
from common.polymarket.gamma.discovery_file import discovery_path, read_discovery_file
from common.runtime.machine.disk_room import room_of
from common.runtime.process import Runtime
from common.runtime.run.details import ReaderDetails
from common.runtime.run.facts import Facts, details_of_kind, no_facts, read_facts
from common.status.compose import compose
from common.status.late_rows import late_row_reasons
from common.status.run_manifest import RunManifest, books_of
from common.topology import PROCESSES

WAIT_FOR_DISKS = ("archive_writer", "ledger", "uploader")  # a restart would not help them, and adds a gap
NOT_WORTH_A_RESTART = (*WAIT_FOR_DISKS, *(kind.name for kind in PROCESSES if kind.beside_the_books))
LOOK_NS = 1_000_000_000  # how often the owner's loop looks
FRESH_NS = 250_000_000  # answers may be so old: a crowd that asks costs four looks a second


class Status(msgspec.Struct, frozen=True):
    """One look at the run. `since_market_message_s` and `since_upload_s` are None before the first one.

    `warnings` state what an operator should see to although the recorder may be well.
    """

    manifest: RunManifest
    health: Verdict
    readiness: Verdict
    liveness: Verdict
    warnings: tuple[str, ...]
    heartbeat_ages_s: dict[str, float]
    since_market_message_s: float | None
    since_upload_s: float | None
    messages_by_reader: dict[str, int]
    gaps_by_reader: Mapping[str, Sequence[Gap]] = {}


class StatusBoard:
    """Looks at the run on request, from any thread. Its owner looks about once a second, so that waits count."""

    def __init__(self, runtime: Runtime, *, awake_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """`awake_ns` is the clock by which this process notices that it was stopped itself."""
        self._awake_ns = awake_ns
        self._runtime = runtime
        self._lock = threading.Lock()
        clock = runtime.clock
        self._began_ns = clock.monotonic_ns()
        self._patience = Patience(self._began_ns)
        self._pause_lock = threading.Lock()
        self._pause, self._slept_ns = OwnPause(), 0
        run_age_ns = clock.wall_ns() - runtime.assignment.started_at_ns
        self._growth = Growth(clock.monotonic_ns() - run_age_ns)
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

    def tick(self) -> None:
        """To be called often, from a thread that never waits for a disk: tells a stopped process from a slow one."""
        with self._pause_lock:
            self._slept_ns += self._pause.slept_ns(self._awake_ns())

    def _forgive(self, now: int) -> None:
        self.tick()
        with self._pause_lock:
            slept_ns, self._slept_ns = self._slept_ns, 0
        if slept_ns:
            self._patience.paused(slept_ns, now)

    def manifest(self, *, finished: bool) -> RunManifest:
        """The run manifest of this moment."""
        with self._lock:
            room = room_of(self._runtime.data_root)
            return self._manifest(self._facts(), self.discovery_file(), room, finished=finished)

    def _facts(self) -> Mapping[str, Facts]:
        """What every process states, with what this one has just found: nobody need be able to write a file."""
        runtime = self._runtime
        facts = read_facts(runtime.run_dir)
        late = late_row_reasons(
            facts,
            commit_interval_s=runtime.settings.writer.commit_interval_seconds,
            clock=runtime.clock,
            since_monotonic_ns=self._began_ns,
        )
        runtime.problems.state("rows_not_durable", late)
        mine = facts.get(runtime.name) or no_facts(runtime.name, runtime.clock)
        return {**facts, runtime.name: msgspec.structs.replace(mine, problems=runtime.problems.held)}

    def discovery_file(self) -> DiscoveryFile | None:
        """What is selected now and what is left out; None before the first discovery."""
        try:
            path = discovery_path(self._runtime.data_root, self._runtime.settings.discovery)
            return read_discovery_file(path, self._runtime.assignment.exchange)
        except DiscoveryError:
            return None  # not discovered yet; the discovery process says why

    def _manifest(
        self,
        facts: Mapping[str, Facts],
        discovery: DiscoveryFile | None,
        room: Room | None,
        *,
        finished: bool,
    ) -> RunManifest:
        runtime = self._runtime
        written = sum(fact.counters.get("archive_bytes_written_total", 0) for fact in facts.values())
        growth = self._growth.note(runtime.clock.monotonic_ns(), written)
        return compose(
            runtime.assignment,
            facts,
            markets=discovery.markets if discovery is not None else (),
            now_ns=runtime.clock.wall_ns(),
            finished=finished,
            room=room,
            archive_bytes_per_second=None if finished else growth,
        )

    def _compose(self, now: int) -> Status:
        self._forgive(now)
        facts = self._facts()
        file, room = self.discovery_file(), room_of(self._runtime.data_root)
        manifest = self._manifest(facts, file, room, finished=False)
        running = {process.name for process in manifest.processes}
        readers = details_of_kind(facts, ReaderDetails)
        waits = self._patience.note(
            {
                name: ReaderWord(
                    reader.state, reader.last_market_data_at_ns, facts[name].updated_monotonic_ns
                )
                for name, reader in readers.items()
                if name in running
            },
            now,
        )
        messages = sum(manifest.event_types.get(kind, 0) for kind in sorted(SUBSCRIBED_KINDS))
        newest_ns = max((reader.last_market_data_at_ns for reader in readers.values()), default=0)
        uploaded = manifest.upload.last_success_at_utc
        ages_s = {
            name: self._patience.silent_s(fact.updated_monotonic_ns, now)
            for name, fact in facts.items()
            if name in running or name == "supervisor"
        }
        settled = any(reader.all_settled for name, reader in readers.items() if name in running)
        discovered = self._discovered(file, all_settled=settled)
        one_leg = of_one_leg({name: facts[name].problems for name in running & facts.keys()}, manifest.legs)
        problems = [problem for problem in manifest.problems if problem not in one_leg]
        return Status(
            manifest=manifest,
            health=judge_health(
                manifest.state,
                uncovered(waits),
                problems,
                discovered,
                supervisor_silent_s=ages_s.get("supervisor", 0.0),
            ),
            readiness=judge_readiness(
                manifest.state, market_messages=messages, problems=manifest.problems, discovered=discovered
            ),
            liveness=judge_liveness(
                {name: age_s for name, age_s in ages_s.items() if not name.startswith(NOT_WORTH_A_RESTART)}
            ),
            warnings=(
                *leg_warnings(manifest.legs, one_leg),
                *resolution_warnings(manifest.resolution),
                *spool_warnings(room_of(self._runtime.run_dir), str(self._runtime.run_dir)),
                *file_warnings(room, str(self._runtime.data_root)),
                *warnings(manifest.upload, manifest.disk, books_of(manifest).recipes_unknown),
                *reference_warnings(manifest.reference, self._runtime.clock.wall_ns()),
            ),
            heartbeat_ages_s=ages_s,
            since_market_message_s=self._since_s(newest_ns),
            since_upload_s=None if uploaded is None else self._since_s(parse_utc_ns(uploaded)),
            messages_by_reader={
                name: fact.counters.get("ws_messages_total", 0)
                for name, fact in facts.items()
                if name in readers
            },
            gaps_by_reader={name: reader.gaps for name, reader in readers.items()},
        )

    def _discovered(self, file: DiscoveryFile | None, *, all_settled: bool) -> Discovered:
        if file is None:
            return Discovered()
        return Discovered(
            age_s=(self._runtime.clock.wall_ns() - parse_utc_ns(file.discovered_at_utc)) / NS_PER_SECOND,
            refresh_s=self._runtime.settings.discovery.refresh_interval_seconds,
            confirmed_empty=file.confirmed_empty,
            all_settled=all_settled,
        )

    def _since_s(self, at_ns: int) -> float | None:
        return max(0, self._runtime.clock.wall_ns() - at_ns) / NS_PER_SECOND if at_ns else None
