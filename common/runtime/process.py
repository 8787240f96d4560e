"""The life of every process: assignment, logs, signals, orphan check, heartbeat, and the loop of steps."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Literal, Protocol

import msgspec

from common.config import Settings
from common.core.format_version import refuse_newer
from common.core.market import Exchange
from common.core.own_pause import OwnPause
from common.core.rows.origin import LEGS, Leg
from common.errors import EXIT_DONE, OrphanError, RecorderError
from common.files import replace
from common.runtime.clock import CLOCK, Clock
from common.runtime.log_output import fill_standard_streams, take_dropped
from common.runtime.logs import start_logging
from common.runtime.problems import Problems
from common.runtime.readers import admit_readers
from common.runtime.run.details import Details
from common.runtime.run.facts import Facts, Tally, last_facts, note_failure, write_facts
from common.runtime.run.run_watch import RunWatch
from common.version import PROGRAM_VERSION

STEP_SECONDS = 0.1
HEARTBEAT_NS = 400_000_000
LOOK_NS = 100_000_000  # between two looks at all that is not the process's own work
ASSIGNMENT_FORMAT = 1
ORPHAN_LIMIT_NS = 60_000_000_000  # without a supervisor nobody restarts the writer that others wait for

log = logging.getLogger("process")


class Assignment(msgspec.Struct, frozen=True):
    """What the supervisor hands to every process of a run, as a JSON file in the run's folder.

    `unended_since_ns` is when an earlier run began that never ended in order; None where the last one did.
    """

    run_id: str
    mode: Literal["runtime", "sample"]
    started_at_ns: int
    data_root: str
    run_dir: str
    settings: Settings
    log_level: int = logging.INFO
    exchange: Exchange = "live"
    data_root_id: str = ""
    format_version: int = ASSIGNMENT_FORMAT
    unended_since_ns: int | None = None
    host: str = ""
    program_version: str = ""


def write_assignment(path: Path, assignment: Assignment) -> None:
    """Put it in place of an earlier run's, whose processes see by that that their run is over. Raises OSError."""
    document = msgspec.structs.replace(assignment, program_version=PROGRAM_VERSION)
    replace(path, msgspec.json.encode(document))


class Runtime(msgspec.Struct, frozen=True):
    """What a process knows of its surroundings. `watch` is None in a test, `leg` where a run has one leg alone."""

    name: str
    index: int
    assignment: Assignment
    tally: Tally
    clock: Clock = CLOCK
    watch: RunWatch | None = None
    problems: Problems = msgspec.field(default_factory=Problems)
    leg: Leg | None = None

    def superseded(self) -> bool:
        """Whether another run has begun in the run's folder: what is told there is its, not ours."""
        return self.watch is not None and self.watch.superseded()

    @property
    def settings(self) -> Settings:
        """The run's settings."""
        return self.assignment.settings

    @property
    def data_root(self) -> Path:
        """Where archives, manifests and the discovery file are kept."""
        return Path(self.assignment.data_root)

    @property
    def run_dir(self) -> Path:
        """The run's folder in tmpfs: sockets, spool, facts."""
        return Path(self.assignment.run_dir)


class Process(Protocol):
    """One process of the recorder, as the shared loop drives it."""

    def step(self, timeout_s: float) -> bool:
        """Do what is due, waiting at most so long for more. False when stopped, drained and complete."""

    def stop(self) -> None:
        """Asked to end: take nothing new, drain in the coming steps."""

    def details(self) -> Details:
        """What this process reports of itself beside its counters."""

    def close(self) -> None:
        """Release everything. After an error it may be called with work undone."""


class _Loop:
    def __init__(
        self,
        runtime: Runtime,
        before: Facts | None,
        *,
        supervisor: int,
        heartbeat: int | None,
        asked_to_stop: bool,
    ) -> None:
        self._runtime = runtime
        self._heartbeat = heartbeat
        self._failure = (before.failure, before.failed_at_ns) if before is not None else ("", 0)
        self._supervisor = supervisor  # told, not asked for: it may have died before we could ask
        self._orphan_until_ns: int | None = None
        self._pause = OwnPause()
        self._asked_to_stop = asked_to_stop
        self._next_look_ns = 0
        self._next_heartbeat_ns = 0

    def run(self, process: Process) -> None:
        stopping = False
        while True:
            if not stopping and self._asked_to_stop:
                stopping = True
                process.stop()
            if not process.step(STEP_SECONDS):
                break
            now = self._runtime.clock.monotonic_ns()
            if now >= self._next_look_ns:
                self._next_look_ns = now + LOOK_NS
                self._notice_orphanhood(now)
                if now >= self._next_heartbeat_ns:
                    self._next_heartbeat_ns = now + HEARTBEAT_NS
                    self._beat(process)
        self._beat(process)
        process.close()

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True

    def _notice_orphanhood(self, now: int) -> None:
        slept_ns = self._pause.slept_ns(now)
        if self._orphan_until_ns is not None:
            self._orphan_until_ns += slept_ns  # those that it waits for slept too, perhaps
            if now > self._orphan_until_ns:
                raise OrphanError("the supervisor is gone, and what is left could not be drained without it")
        elif os.getppid() != self._supervisor:
            log.warning("supervisor is gone, finishing")
            self._orphan_until_ns = now + ORPHAN_LIMIT_NS
            self._asked_to_stop = True

    def _beat(self, process: Process) -> None:
        runtime = self._runtime
        details = process.details()  # first: it brings some counters up to date
        runtime.tally.add("problems_total", runtime.problems.take_begun())
        runtime.tally.add("log_records_dropped_total", take_dropped())
        facts = Facts(
            runtime.name,
            os.getpid(),
            runtime.clock.wall_ns(),
            runtime.clock.monotonic_ns(),
            dict(runtime.tally.counters),
            dict(runtime.tally.event_types),
            details,
            runtime.problems.held,
            *self._failure,
        )
        self._send_heartbeat()
        if runtime.superseded():
            return
        error = write_facts(runtime.run_dir, facts)
        words = f"{runtime.run_dir}: what {runtime.name} states of itself cannot be written ({error}); make room there"
        runtime.problems.state("run_folder_full", {runtime.name: words} if error else {})

    def _send_heartbeat(self) -> None:
        """Tell the supervisor directly too: a full folder must not make a live process look like one that hangs."""
        if self._heartbeat is not None:
            with suppress(OSError):  # full, for the supervisor was paused, or gone
                os.write(self._heartbeat, b".")


def read_assignment(path: Path) -> Assignment:
    """Raises RecorderError where it is missing or damaged, ConfigError where a newer version wrote it."""
    try:
        document = path.read_bytes()
        refuse_newer(document, known=ASSIGNMENT_FORMAT, what=str(path))
        return msgspec.json.decode(document, type=Assignment)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecorderError(f"{path}: cannot be read ({error}); the supervisor writes it again") from error


def run_process(make: Callable[[Runtime], Process]) -> int:
    """Be the process that `make` makes, from command line to exit code."""
    fill_standard_streams()
    parser = argparse.ArgumentParser(description="Started by the supervisor, not by hand.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--index", type=int, required=True)
    parser.add_argument("--leg", choices=LEGS)
    parser.add_argument("--assignment", type=Path, required=True)
    parser.add_argument("--supervisor", type=int, required=True, help="process id; its death ends this one")
    parser.add_argument("--heartbeat", type=int, help="descriptor of a pipe to the supervisor")
    parser.add_argument("--drain", action="store_true", help="only finish what an earlier life left")
    given = parser.parse_args()
    os.umask(0o077)
    start_logging(given.name, "")
    try:
        assignment = read_assignment(given.assignment)
    except RecorderError as error:
        log.error("process failed", extra={"reason": str(error)})  # noqa: TRY400 - the words say it all
        return error.exit_code
    admit_readers(assignment.settings.paths)
    start_logging(given.name, assignment.run_id, level=assignment.log_level)
    watch = RunWatch(given.assignment, assignment.run_id, supervisor=given.supervisor)
    before = last_facts(Path(assignment.run_dir), given.name)
    runtime = Runtime(given.name, given.index, assignment, Tally(before), watch=watch, leg=given.leg)
    loop = _Loop(
        runtime,
        before,
        supervisor=given.supervisor,
        heartbeat=given.heartbeat,
        asked_to_stop=given.drain,
    )
    signal.signal(signal.SIGTERM, loop.on_signal)
    for decided_above in (signal.SIGINT, signal.SIGHUP):  # the supervisor decides what these mean
        signal.signal(decided_above, signal.SIG_IGN)
    log.info("process started", extra={"pid": os.getpid(), "version": PROGRAM_VERSION})
    try:
        loop.run(make(runtime))
    except RecorderError as error:
        note_failure(runtime.run_dir, runtime.name, str(error), runtime.clock.wall_ns())
        log.error("process failed", extra={"reason": str(error)})  # noqa: TRY400 - the words say it all
        return error.exit_code
    except Exception as error:
        note_failure(runtime.run_dir, runtime.name, f"a bug: {error!r}", runtime.clock.wall_ns())
        raise
    log.info("process ended")
    return EXIT_DONE


def main(make: Callable[[Runtime], Process]) -> None:
    """Run and exit."""
    sys.exit(run_process(make))
