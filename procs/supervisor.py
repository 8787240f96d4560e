"""The supervisor: starts every process, restarts what dies or hangs, stops all in the order of the topology.

It carries no data. Its own death is noticed by the others, which finish what they hold and stop.
"""

import logging
import os
import time
from pathlib import Path

import msgspec

from common.archive.identity import DataRootIdentity
from common.config import Settings
from common.core.feed.token_split import readers_needed
from common.core.instants import compact_utc_text, utc_text
from common.core.market import Exchange
from common.core.own_pause import OwnPause
from common.errors import EXIT_BAD_CONFIG, ConfigError
from common.feed.token_share import DiscoveredMarkets
from common.runtime.clock import CLOCK, Clock
from common.runtime.data_root import claim_data_root, data_root_id
from common.runtime.data_root_lock import Holder, lock_data_root, note_holder
from common.runtime.log_output import take_dropped
from common.runtime.machine.host import host_name
from common.runtime.problems import Problems
from common.runtime.process import Assignment
from common.runtime.readers import open_folders
from common.runtime.run.control import Reply, Request, Stop
from common.runtime.run.details import NOTHING, SupervisorDetails
from common.runtime.run.facts import Facts, Tally, read_facts, write_facts
from common.runtime.run.orders import Orders, obey
from common.runtime.run.run_dir import RunDir
from common.runtime.supervision.adopted import reap_adopted
from common.runtime.supervision.agree_at_start import supersede_older_outboxes
from common.runtime.supervision.child import Child, refused_starts
from common.runtime.supervision.run_files import RunFiles
from common.runtime.supervision.scaling import (
    abandoned_producers,
    is_surplus,
    lanes_with_backlog,
    reference_instances,
    wanted_instances,
)
from common.runtime.supervision.stopping import Stopping
from common.runtime.supervision.unended_run import UnendedRun, begin_run, end_run
from common.topology import Instance, Option, single_kinds, start_order
from common.version import PROGRAM_VERSION

NAME = "supervisor"
START_LIMIT_S = 30  # for all processes to run, before a bounded recording is timed all the same
RETIRE_LIMIT_S = 60.0  # for a writer whose lane is drained while recording goes on
TELL_NS = 200_000_000
LOOK_NS = 500_000_000  # between two looks at what the processes tell of themselves
DRAIN_AGAIN_NS = 10_000_000_000  # before an outbox that could not be drained is tried again
NS = 1_000_000_000

log = logging.getLogger(NAME)


class Supervisor:
    """All processes of one run."""

    def __init__(self, settings: Settings, *, sample: bool = False, clock: Clock = CLOCK) -> None:
        """Take the data root and prepare the run's folder. Raises AlreadyRunningError, ConfigError."""
        self._clock = clock
        self._settings = settings
        self._sample = sample
        self._data_root = Path(settings.paths.data_root).absolute()
        self._lock = lock_data_root(self._data_root)
        open_folders(settings.paths)
        self._run_dir = RunDir(settings.paths.run_dir, self._data_root, data_root_id(self._data_root))
        self.run_dir = self._run_dir.path
        self._identity: DataRootIdentity
        self._started_at_ns = clock.wall_ns()
        note_holder(
            self._lock,
            Holder(os.getpid(), str(self.run_dir), PROGRAM_VERSION, utc_text(self._started_at_ns)),
        )
        self.run_id = f"{compact_utc_text(self._started_at_ns)}-{os.urandom(2).hex()}"
        self._orders = Orders(
            writers=settings.writer.writers,
            readers=settings.websocket.readers,
            legs=settings.websocket.legs,
        )
        self._discovered: DiscoveredMarkets
        self._children: dict[str, Child] = {}
        self._tally = Tally(None)
        self._problems = Problems(clock)
        self._pause = OwnPause()
        self._stopping = Stopping(self._children)
        self._told_ns = self._next_look_ns = self._next_drain_ns = 0
        self._lanes_left: set[int] = set()  # with envelopes in them when last looked at
        self._files: RunFiles | None = None
        self._recording_since_ns: int | None = None
        self._start_limit_ns = self._clock.monotonic_ns() + START_LIMIT_S * NS

    def claim(self, exchange: Exchange) -> None:
        """The exchange to record: the data root belongs to it from now on.

        Raises ConfigError where the data root or the spool belongs to the other one.
        """
        claim = claim_data_root(
            self._data_root,
            exchange,
            self._started_at_ns,
            waiting=self._run_dir.exchange_waiting,
            waiting_id=self._run_dir.data_root_id_waiting,
        )
        self._identity = claim.identity
        self._discovered = DiscoveredMarkets(self._data_root, self._settings.discovery, exchange)
        supersede_older_outboxes(self.run_dir, self._data_root)

    def begin(self) -> None:
        """Lay down what every process needs to know, after `claim`; the coming steps start them."""
        this_run = UnendedRun(self.run_id, self._started_at_ns)
        assignment = Assignment(
            run_id=self.run_id,
            mode="sample" if self._sample else "runtime",
            started_at_ns=self._started_at_ns,
            data_root=str(self._data_root),
            run_dir=str(self.run_dir),
            settings=self._settings,
            log_level=logging.WARNING if self._sample else logging.INFO,
            exchange=self._identity.exchange,
            data_root_id=self._identity.data_root_id,
            host=host_name(self._settings.host),
            unended_since_ns=None if self._sample else begin_run(self._data_root, this_run),
        )
        self._raise_readers(self._clock.monotonic_ns())
        self._files = RunFiles(self._run_dir, assignment, self._orders, self._problems, self._tally)
        for kind in single_kinds(sample=self._sample, options=_options_on(self._settings)):
            self._add(Instance(kind, 0))
        for instance in () if self._sample else reference_instances(self._settings):
            self._add(instance)

    def step(self, timeout_s: float) -> bool:
        """Start, reap, restart, obey, scale; wait at most so long. False when everything has stopped."""
        assert self._files is not None, "it has begun"
        self._files.control.answer(self._obey)
        now = self._clock.monotonic_ns()
        self._notice_pause(now)
        self._reap(now)
        self._files.attend(now)
        if self._stopping.rank:
            self._stopping.go_on(now)
        else:
            self._raise_readers(now)
            if now >= self._next_look_ns:
                self._next_look_ns = now + LOOK_NS
                self._lanes_left = lanes_with_backlog(self.run_dir)
                self._replace_stuck(now)
                self._drain_abandoned(now)
                reap_adopted(child.pid for child in self._children.values())
            self._match_orders(now)
        for child in sorted(self._children.values(), key=lambda child: start_order(child.instance)):
            child.start_if_due(self._files.assignment_file, now)
        self._problems.state("process_not_started", refused_starts(self._children.values()))
        self._tell(now)
        if self._stopping.rank and not any(child.busy(now) for child in self._children.values()):
            return False
        time.sleep(timeout_s if not self._stopping.rank else min(timeout_s, 0.02))
        return True

    def all_run(self) -> bool:
        """Whether every process has begun its work and said so."""
        begun = {name for name, facts in read_facts(self.run_dir).items() if facts.details != NOTHING}
        return bool(self._children) and self._children.keys() <= begun

    def recorded_s(self) -> float:
        """Seconds since every process runs, or since `START_LIMIT_S` after the begin where one never does."""
        now = self._clock.monotonic_ns()
        if self._recording_since_ns is None and (now > self._start_limit_ns or self.all_run()):
            self._recording_since_ns = now
        return 0.0 if self._recording_since_ns is None else (now - self._recording_since_ns) / NS

    def _add(self, instance: Instance) -> None:
        self._children[instance.name] = Child(instance, self.run_dir)

    def _obey(self, request: Request) -> Reply:
        if self._sample:
            return Reply(taken=False, words="a sample ends by itself; interrupt it with Ctrl-C")
        if self._stopping.rank and not isinstance(request, Stop):
            return Reply(taken=False, words="the recorder is stopping")
        if isinstance(request, Stop):
            self.stop()
            words = "stopping: reading ends first, then what was received is drained into archives"
        else:
            orders, words = obey(request, self._orders)
            self._give(orders)
        log.info("request obeyed", extra={"request": type(request).__name__, "words": words})
        return Reply(taken=True, words=words)

    def _notice_pause(self, now: int) -> None:
        """A supervisor that was paused itself cannot tell from a silence who hangs."""
        slept_ns = self._pause.slept_ns(now)
        if slept_ns:
            for child in self._children.values():
                child.forgive(slept_ns, now)
            self._tally.add("pauses_total")
            log.warning("this process was paused", extra={"for_s": round(slept_ns / NS, 3)})

    def _reap(self, now: int) -> None:
        for name, child in list(self._children.items()):
            child.kill_if_overdue(now)
            exit_code = child.ended(now)
            if exit_code is None:
                continue
            self._stopping.note_end(child, exit_code)
            if not child.stopping:
                self._tally.add("process_restarts_total")
                if self._stopping.rank:
                    child.start_at_once()  # others cannot drain without it
                if exit_code == EXIT_BAD_CONFIG:
                    self.stop()
                    raise ConfigError(f"{name} refused its configuration; see its log record above")
            elif not self._stopping.rank:
                del self._children[name]  # retired: its lane is drained
                self._lanes_left.discard(child.instance.index)

    def _raise_readers(self, now: int) -> None:
        """More readers when the markets need them; never fewer, so that tokens move as little as may be."""
        websocket = self._settings.websocket
        needed = readers_needed(
            self._discovered.markets(now),
            at_least=self._orders.readers,
            max_tokens=websocket.max_assets_per_connection,
        )
        if needed > self._orders.readers:
            self._give(msgspec.structs.replace(self._orders, readers=needed))

    def _give(self, orders: Orders) -> None:
        self._orders = orders
        if self._files is not None:
            self._files.give(orders)
        log.info("orders given", extra=msgspec.structs.asdict(orders))

    def _match_orders(self, now: int) -> None:
        for instance in wanted_instances(self._orders, self._lanes_left):
            if instance.name not in self._children:
                self._add(instance)
        for child in self._children.values():
            if is_surplus(child.instance, self._orders) and child.runs:
                child.stop(RETIRE_LIMIT_S, now)

    def _drain_abandoned(self, now: int) -> None:
        """What an earlier run with other legs or sources left in outboxes that no process of this run has."""
        if now < self._next_drain_ns:
            return
        wanted = {*self._children, *(each.name for each in wanted_instances(self._orders, ()))}
        for instance in abandoned_producers(self._run_dir.outboxes, wanted):
            self._next_drain_ns = now + DRAIN_AGAIN_NS
            self._add(instance)
            self._children[instance.name].drain(RETIRE_LIMIT_S, now)

    def _replace_stuck(self, now: int) -> None:
        for child in self._children.values():
            if child.kill_if_stuck(int(child.instance.kind.heartbeat_limit_s * NS), now):
                self._tally.add("stuck_processes_total")

    def stop(self) -> None:
        """Begin to stop, rank by rank."""
        self._stopping.begin(self._clock.monotonic_ns())

    def hurry(self) -> None:
        """Stop everything at once."""
        self._stopping.hurry(self._clock.monotonic_ns())

    def _tell(self, now: int) -> None:
        state = self._stopping.state(now)
        if now - self._told_ns < TELL_NS and state != "stopped":
            return
        self._told_ns = now
        processes = tuple(child.shown(now) for child in self._children.values())
        self._tally.add("problems_total", self._problems.take_begun())
        self._tally.add("log_records_dropped_total", take_dropped())
        details = SupervisorDetails(state=state, processes=processes, orders=self._orders)
        counters, held = dict(self._tally.counters), self._problems.held
        facts = Facts(NAME, os.getpid(), self._clock.wall_ns(), now, counters, {}, details, held)
        write_facts(self.run_dir, facts)

    def left_over(self) -> list[str]:
        """The producers that could not drain before they were ended: the next run archives what is still there."""
        return sorted({*self._run_dir.outboxes, *self._stopping.undrained})

    def close(self) -> None:
        """Let go of the data root, and of the run's folder unless an outbox in it waits for the next run."""
        if self._files is not None:
            self._files.control.close()
            if not self._sample and self._stopping.rank and not self.left_over():
                end_run(self._data_root)
        self._run_dir.release()
        self._lock.release()


def _options_on(settings: Settings) -> set[Option]:
    """What the settings switch on that is not always there."""
    uploads = settings.upload.enabled or settings.retention.deletes_unproved
    states: dict[Option, bool] = {"uploads": uploads, "resolution": settings.resolution.enabled}
    return {option for option, is_on in states.items() if is_on}
