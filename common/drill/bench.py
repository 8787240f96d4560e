"""The bench of a case: an embedded exchange that keeps account, a recorder as its users run it, and handles."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TypeVar

import common
from common.archive.journal import read_journal
from common.archive.read import closed_archives
from common.core.rows.names import WS_RAW
from common.drill.live import alive, is_ours
from common.drill.outcome import Plan
from common.drill.settings import settings_environment
from common.errors import RecorderError
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.runtime.run.details import ProcessShown, ReaderDetails, SupervisorDetails
from common.runtime.run.facts import Facts, details_of_kind, details_of_one, read_facts
from common.simulation.options import SimulationOptions

CHECKOUT = Path(common.__file__).parents[1]
POLL_S = 0.02
START_LIMIT_S = 45.0  # a process that was killed often waits up to 30 s before it is started again
STOP_LIMIT_S = 20.0  # the contract's, from SIGTERM to the end

T = TypeVar("T")


class Bench:
    """Handles on one recorder. `done` describes what was done to it."""

    def __init__(self, folder: Path, exchange: EmbeddedExchange, plan: Plan) -> None:
        self.folder, self.exchange, self.plan = folder, exchange, plan
        self.data_root_of: Callable[[int], Path] = lambda _pid: folder / "data"  # given the wrapper's pid
        self._run_dir = Path(tempfile.mkdtemp(prefix="orderbooks-drill-", dir=_memory()))
        self.run_dir_of: Callable[[int], Path] = lambda _pid: self._run_dir
        self.chance = Random(plan.seed)  # noqa: S311 - a drill is repeatable, it guards no secret
        self.done: list[str] = []
        self.environment: dict[str, str] = {}
        self.wrapper: list[str] = []
        self.readers: tuple[str, ...] = ("ws_reader-0",)
        self.process: subprocess.Popen[bytes] | None = None
        self._pids: set[int] = set()
        self._log = (folder / "recorder.log").open("ab")

    @property
    def data_root(self) -> Path:
        """Where the recorder's data root is seen from here."""
        return self.data_root_of(self.process.pid if self.process is not None else 0)

    @property
    def run_dir(self) -> Path:
        """Where the run's folder in memory is seen from here."""
        return self.run_dir_of(self.process.pid if self.process is not None else 0)

    def start(self, *, writers: int = 2) -> None:
        """Start the recorder and wait until it receives market data and has committed some of it."""
        command = [sys.executable, "-P", "-m", "procs.commands.run_recorder"]
        command += ["--data-root", str(self.folder / "data"), "--writers", str(writers)]
        self.process = subprocess.Popen(
            [*self.wrapper, *command],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self.wait_for(lambda: self.receiving() or self.ended(), "the recorder to receive", START_LIMIT_S)

    def _environment(self) -> dict[str, str]:
        named = settings_environment(self.exchange.urls, self._run_dir)
        return {**os.environ, **named, "PYTHONPATH": str(CHECKOUT), **self.environment}

    def ended(self) -> bool:
        """False while the recorder runs. Raises RecorderError with its exit code where it has ended unasked."""
        if self.process is not None and self.process.poll() is not None:
            raise RecorderError(f"the recorder ended with {self.process.returncode}; see {self._log.name}")
        return False

    def facts(self) -> Mapping[str, Facts]:
        """What the recorder's processes say of themselves."""
        return read_facts(self.run_dir)

    def pids(self) -> dict[str, int]:
        """The live processes by name, as the supervisor tells them, itself among them."""
        supervisor = self.facts().get("supervisor")
        if supervisor is None or not self._is_mine(supervisor.pid):
            return {}
        found = {each.name: each.pid for each in self.processes if each.pid and alive(each.pid)}
        if alive(supervisor.pid):
            found["supervisor"] = supervisor.pid
        self._pids |= set(found.values())
        return found

    @property
    def processes(self) -> Sequence[ProcessShown]:
        """As the supervisor shows them."""
        supervisor = details_of_one(self.facts(), SupervisorDetails)
        return supervisor.processes if supervisor is not None else ()

    def _is_mine(self, supervisor: int) -> bool:
        """Whether the facts are of the recorder that was started last, and not of one before it."""
        return self.process is not None and (bool(self.wrapper) or supervisor == self.process.pid)

    def pid(self, name: str) -> int:
        """The process of this name, waited for if it is just being restarted."""
        return self.wait_for(
            lambda: self.pids().get(name, 0) or self.ended(), f"a process {name}", START_LIMIT_S
        )

    def receiving(self) -> bool:
        """Whether market data arrives and an archive is being written."""
        facts, pids = self.facts(), self.pids()
        readers = [facts[name] for name in self.readers if name in facts]
        if len(readers) < len(self.readers) or any(each.pid != pids.get(each.name) for each in readers):
            return False
        details = details_of_kind(facts, ReaderDetails)
        return all(details[each.name].state == "receiving" for each in readers) and self.has_open_rows()

    def has_open_rows(self) -> bool:
        """Whether an open websocket archive holds rows that are durable: first write done, close not yet."""
        for path in sorted((self.data_root / "journal").glob("lane-*.journal")):
            line = read_journal(path)
            for file in line.files if line else ():
                if file.stream == WS_RAW and file.rows and not file.closing:
                    return True
        return False

    def messages(self) -> int:
        """Frames that the reader says it has received."""
        return self.counter("ws_messages_total")

    def problems(self, process: str) -> set[str]:
        """The kinds of problems that a process states now."""
        facts = self.facts().get(process)
        return {problem.kind for problem in facts.problems} if facts is not None else set()

    def counter(self, name: str) -> int:
        """A counter of the readers'."""
        facts = self.facts()
        return sum(facts[reader].counters.get(name, 0) for reader in self.readers if reader in facts)

    @property
    def restarts(self) -> Mapping[str, int]:
        """How often each process was started again."""
        return {each.name: each.restarts for each in self.processes}

    def kill(self, name: str) -> bool:
        """`kill -9`. Says whether it counts: rows were written and their archive was not closed yet."""
        pid = self.pid(name)
        counts = self.has_open_rows()
        os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: not alive(pid), f"the end of {name}", START_LIMIT_S)
        return counts

    def kill_all(self) -> bool:
        """`kill -9` of every process of the recorder. Says whether it counts."""
        pids = self.pids().values()
        counts = self.has_open_rows()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: not any(map(alive, pids)), "the end of all processes", START_LIMIT_S)
        return counts

    @contextmanager
    def paused(self, *names: str) -> Iterator[None]:
        """SIGSTOP, and SIGCONT in the end."""
        pids = [self.pid(name) for name in names]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def rest(self, seconds: float) -> None:
        """Let the load go on."""
        time.sleep(seconds)
        self.pids()

    def stop(self) -> list[str]:
        """SIGTERM, and what was wrong with the end."""
        assert self.process is not None
        began = time.monotonic()
        os.kill(self.pids().get("supervisor", self.process.pid), signal.SIGTERM)
        try:
            code = self.process.wait(STOP_LIMIT_S + 10)
        except subprocess.TimeoutExpired:
            return [f"was still running {STOP_LIMIT_S + 10:g} s after SIGTERM"]
        took_s = time.monotonic() - began
        self.done.append(f"SIGTERM; ended with {code} after {took_s:.1f} s")
        wrongs = [] if code == 0 else [f"ended with exit code {code} after SIGTERM"]
        if took_s > STOP_LIMIT_S:
            wrongs.append(f"took {took_s:.1f} s to stop, {STOP_LIMIT_S:g} are promised")
        return wrongs

    def wait_for(self, condition: Callable[[], T], what: str, limit_s: float) -> T:
        """Poll until the condition is true. Raises RecorderError with `what` was waited for."""
        deadline = time.monotonic() + limit_s
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise RecorderError(f"waited {limit_s:g} s in vain for {what}")
            time.sleep(POLL_S)
        return value

    def websocket_archives(self) -> list[Path]:
        """The closed archives of the websocket stream."""
        return [path for path in closed_archives(self.data_root) if f"_{WS_RAW}_" in path.name]

    def close(self) -> None:
        """End what is left of the recorder, and remove its folder in memory."""
        self.pids()
        if self.process is not None:
            self._pids.add(self.process.pid)
        for pid in self._pids:
            if alive(pid) and is_ours(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        self._log.close()
        shutil.rmtree(self._run_dir, ignore_errors=True)
        shutil.rmtree(f"{self._run_dir}.kept", ignore_errors=True)  # what a wrapper's private mount held


@contextmanager
def bench(plan: Plan, folder: Path, *, window_seconds: int = 300) -> Iterator[Bench]:
    """A bench in `folder`, its exchange running; the recorder is not started yet."""
    options = SimulationOptions(
        seed=plan.seed,
        rate=plan.rate,
        window_seconds=window_seconds,
        oracle=str(folder / "oracle"),
        send_buffer_bytes=1 << 28,
    )
    with EmbeddedExchange(options, folder) as exchange:
        made = Bench(folder, exchange, plan)
        try:
            yield made
        finally:
            made.close()


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - mkdtemp makes it private
