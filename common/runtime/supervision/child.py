"""One process that the supervisor keeps alive."""

import logging
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import common
from common.core.backoff import Backoff
from common.core.restart_policy import RestartPolicy
from common.runtime.run.details import ProcessShown
from common.runtime.run.facts import last_facts
from common.runtime.supervision.heartbeats import Heartbeats
from common.runtime.supervision.why_ended import memory_kills, why_ended
from common.topology import Instance

CHECKOUT = Path(common.__file__).parent.parent
FIRST_HEARTBEAT_NS = 120_000_000_000  # recovery of large archives comes before a writer's first heartbeat
NS = 1_000_000_000
# What a large frame took goes back to the machine: glibc would keep such blocks in its heap after the first of them.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "1048576"}

log = logging.getLogger("supervisor")


class Child:
    """Started, watched and stopped by its supervisor; times are monotonic nanoseconds."""

    def __init__(self, instance: Instance, run_dir: Path) -> None:
        self.instance = instance
        self.policy = RestartPolicy(first_s=0.2, longest_s=30, healthy_s=60, chance=random.random)
        self.stopping = False
        self.not_started = ""  # why the last attempt to start it failed
        self._start_backoff = Backoff(first_s=0.2, longest_s=5, chance=random.random)
        self._run_dir = run_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._heartbeats = Heartbeats()
        self._started_ns = 0
        self._alive_ns = 0
        self._has_beaten = False
        self._began = False  # whether any of its lives got further than its start
        self._start_at_ns = 0
        self._kill_at_ns: int | None = None
        self._must_drain = False
        self._gave_up = False
        self._killed = False  # by us, in this life
        self._memory_kills: int | None = None  # before this life
        self._last_end = ""

    @property
    def name(self) -> str:
        """Its name in logs, facts and the run manifest."""
        return self.instance.name

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def runs(self) -> bool:
        """Whether it was started and its end was not noticed yet."""
        return self._process is not None

    @property
    def may_hold_rows(self) -> bool:
        """Whether it, or an earlier run of its name, may have taken in what is not durable yet."""
        return self._began or (self._run_dir / "producers" / self.name).exists()

    def is_flapping(self, now_ns: int) -> bool:
        """Whether it dies again and again."""
        return not self.stopping and self.policy.is_flapping(started_ns=self._started_ns, now_ns=now_ns)

    def shown(self, now_ns: int) -> ProcessShown:
        """What the run manifest states of it."""
        return ProcessShown(
            self.name, self.pid, self.policy.restarts, self.is_flapping(now_ns), self._last_end
        )

    def busy(self, now_ns: int) -> bool:
        """Whether it runs, or died before it had drained and is to be started once more for that."""
        return self._process is not None or self._drains_again(now_ns)

    def _drains_again(self, now_ns: int) -> bool:
        return self._must_drain and self._kill_at_ns is not None and now_ns < self._kill_at_ns

    def start_if_due(self, assignment_file: Path, now_ns: int) -> None:
        """Start it for the first time, or again once its wait is over; when stopping only to drain."""
        if self._process is not None or now_ns < self._start_at_ns:
            return
        if self.stopping and not self._drains_again(now_ns):
            return
        command = [sys.executable, "-P", "-m", self.instance.kind.module, "--name", self.name]
        command += ["--index", str(self.instance.index), "--assignment", str(assignment_file)]
        command += ["--leg", self.instance.leg] if self.instance.leg is not None else []
        command += ["--supervisor", str(os.getpid())]
        command += ["--drain"] if self.stopping else []
        environment = {**MEMORY, **os.environ, "PYTHONPATH": str(CHECKOUT)}
        try:
            self._process = self._heartbeats.start(command, environment)
        except OSError as error:
            self._start_at_ns = now_ns + int(self._start_backoff.next_wait_s() * NS)
            self._note_refusal(f"{self.name} cannot be started: {error.strerror}; it is tried again")
            return
        self._start_backoff.reset()
        self.not_started = ""
        self._started_ns = self._alive_ns = now_ns
        self._has_beaten = self._killed = False
        self._memory_kills = memory_kills()

    def _note_refusal(self, reason: str) -> None:
        beside = self.instance.kind.beside_the_books  # that of others is logged as a problem
        if beside and not self.not_started:
            log.warning("process not started", extra={"name_of_process": self.name, "reason": reason})
        self.not_started = reason

    def ended(self, now_ns: int) -> int | None:
        """Its exit code if it has just ended, negative for a signal; an unasked end schedules a restart."""
        if self._process is None or self._process.poll() is None:
            return None
        exit_code = self._process.returncode
        self._process = None
        self._began = self._began or self._has_beaten or self._heartbeats.came()
        self._must_drain = self.stopping and exit_code != 0 and not self._gave_up and self.may_hold_rows
        if not self.stopping:
            self._start_at_ns = self.policy.restart_at_ns(started_ns=self._started_ns, ended_ns=now_ns)
            self._last_end = why_ended(
                exit_code, ours=self._killed, kills_before=self._memory_kills, kills_now=memory_kills()
            )
            log.warning(
                "process ended unasked",
                extra={
                    "name_of_process": self.name,
                    "exit_code": exit_code,
                    "reason": self._last_end,
                    "restart_in_s": round((self._start_at_ns - now_ns) / NS, 3),
                },
            )
        return exit_code

    def kill_if_stuck(self, limit_ns: int, now_ns: int) -> bool:
        """Kill it when its heartbeat has been missing for too long; SIGKILL ends a stopped process too."""
        if self._process is None or self.stopping:
            return False
        facts = last_facts(self._run_dir, self.name)
        if facts is not None and facts.pid == self._process.pid:
            self._has_beaten, self._alive_ns = True, max(self._alive_ns, facts.updated_monotonic_ns)
        if self._heartbeats.came():
            self._has_beaten, self._alive_ns = True, now_ns
        stuck = now_ns - self._alive_ns > (
            limit_ns if self._has_beaten else max(limit_ns, FIRST_HEARTBEAT_NS)
        )
        if stuck:
            self._process.kill()
            self._killed = True
            log.error("process was stuck and is killed", extra={"name_of_process": self.name})
        return stuck

    def forgive(self, slept_ns: int, now_ns: int) -> None:
        """The supervisor itself stood still for so long, and so did this process, perhaps: its time begins again."""
        self._alive_ns = max(self._alive_ns, now_ns)
        if self._kill_at_ns is not None:
            self._kill_at_ns += slept_ns

    def start_at_once(self) -> None:
        """Wait no longer before the next start: others need it to drain."""
        self._start_at_ns = 0

    def stop(self, limit_s: float, now_ns: int) -> None:
        """Ask it to drain and end; it is killed if it has not after `limit_s`.

        Down for the moment, it is started once more, to drain what it left.
        """
        kill_at_ns = now_ns + int(limit_s * NS)
        self._kill_at_ns = kill_at_ns if self._kill_at_ns is None else min(self._kill_at_ns, kill_at_ns)
        if self.stopping:
            return
        self.stopping = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
        else:
            self._must_drain = self._started_ns > 0
            self.start_at_once()

    def drain(self, limit_s: float, now_ns: int) -> None:
        """Start it only to drain what it left in an earlier life; it is killed if it has not after `limit_s`."""
        self.stop(limit_s, now_ns)
        self._must_drain = True

    def hurry(self, limit_s: float, now_ns: int) -> None:
        """Give it no more than this from now, and no second chance."""
        self.stop(limit_s, now_ns)
        self._gave_up, self._must_drain = True, False

    def kill_if_overdue(self, now_ns: int) -> None:
        """Kill it when it was asked to end and has not in time."""
        if self._process is not None and self._kill_at_ns is not None and now_ns > self._kill_at_ns:
            self._process.kill()
            self._gave_up = True
            log.error("process did not stop in time and is killed", extra={"name_of_process": self.name})


def refused_starts(children: Iterable[Child]) -> dict[str, str]:
    """Why which processes cannot be started, by name; without those beside the books, which do not count."""
    return {
        child.name: child.not_started
        for child in children
        if child.not_started and not child.instance.kind.beside_the_books
    }
