"""A recorder as its users run it, all processes and all guarantees, with an eye on what it costs."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

import common
from common.benchmark.durable import JournalWatch
from common.errors import RecorderError
from common.runtime.run.details import ReaderDetails, SupervisorDetails
from common.runtime.run.facts import last_facts, read_facts
from common.simulation.options import ExchangeUrls

CHECKOUT = Path(common.__file__).parents[1]
POLL_S = 0.02
START_LIMIT_S = 60.0
DRAIN_LIMIT_S = 120.0
STOP_LIMIT_S = 40.0
MIB = 1024 * 1024
QUOTED = 3  # lines of its log


def recorder_settings(urls: ExchangeUrls, tokens: int) -> dict[str, str]:
    """The settings in which a measured recorder differs from the defaults: whose markets, and how many.

    Markets are looked for and checkpoints fetched only once, as the generator tells of these markets alone, and its
    books are not those that the checkpoints show.
    """
    return {
        "RECORDER__EXCHANGE__CLOB_URL": urls.clob_url,
        "RECORDER__EXCHANGE__GAMMA_URL": urls.gamma_url,
        "RECORDER__EXCHANGE__DATA_URL": urls.data_url,
        "RECORDER__DISCOVERY__MARKET_LIMIT": str(tokens // 2),
        "RECORDER__DISCOVERY__LOOKAHEAD_SECONDS": "86400",
        "RECORDER__DISCOVERY__REFRESH_INTERVAL_SECONDS": "86400",
        "RECORDER__RESOLUTION__ENABLED": "false",
        "RECORDER__WEBSOCKET__LEGS": "1",  # as many as the recorders beside it
        "RECORDER__WEBSOCKET__MAX_ASSETS_PER_CONNECTION": "500",
        "RECORDER__REST_CHECKPOINT__INTERVAL_SECONDS": "86400",
        "RECORDER__REFERENCE__ENABLED": "false",
        "RECORDER__MANIFEST__HTTP_PORT": "0",
    }


class Recorder:
    """A running recorder: starts on entry, is ended on exit if it was not stopped before."""

    def __init__(self, folder: Path, ws_url: str, *, settings: Mapping[str, str], writers: int) -> None:
        self.data_root = folder / "data"
        self._run_dir = Path(tempfile.mkdtemp(prefix="orderbooks-benchmark-", dir=_memory()))
        self._log = folder / "recorder.log"
        mine = {"RECORDER__EXCHANGE__WS_URL": ws_url, "RECORDER__PATHS__RUN_DIR": str(self._run_dir)}
        command = [sys.executable, "-P", "-m", "procs.commands.run_recorder"]
        command += ["--data-root", str(self.data_root), "--writers", str(writers)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT), **settings, **mine},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._writers = writers
        self.watch = JournalWatch(self.data_root)

    def wait_until_it_records(self) -> None:
        """Until every process runs, and the first messages are durable."""
        self._wait(lambda: len(self._pids()) >= 5 + self._writers, "every process", START_LIMIT_S)
        self._wait(lambda: bool(self.watch.seen), "the first commit", START_LIMIT_S)

    def drained(self, messages: int) -> bool:
        """Whether so many messages were received, and all of them are durable."""
        reader = read_facts(self._run_dir).get("ws_reader-0")
        if reader is None or reader.counters.get("ws_messages_total", 0) < messages:
            return False
        return isinstance(reader.details, ReaderDetails) and not any(reader.details.outbox.lanes.values())

    def wait_until_drained(self, messages: int) -> int:
        """Wait for that; the instant (monotonic) at which the last of them was seen to be durable."""
        self._wait(lambda: self.drained(messages), "everything to be durable", DRAIN_LIMIT_S)
        self.watch.look()
        return max(each.at_monotonic_ns for each in self.watch.seen)

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time so far of the supervisor and of each kind of process below it."""
        taken: dict[str, float] = {}
        for name, pid in self._pids().items():
            times = psutil.Process(pid).cpu_times()
            kind = name.rpartition("-")[0] or name
            taken[kind] = taken.get(kind, 0.0) + times.user + times.system
        return taken

    def memory_mib(self) -> float:
        """Memory of all processes, what they share counted once."""
        return sum(psutil.Process(pid).memory_full_info().pss for pid in self._pids().values()) / MIB

    def _pids(self) -> dict[str, int]:
        supervisor = last_facts(self._run_dir, "supervisor")
        if supervisor is None or not isinstance(supervisor.details, SupervisorDetails):
            return {}
        listed = {each.name: each.pid for each in supervisor.details.processes if each.pid}
        return listed | {"supervisor": supervisor.pid}

    def _wait(self, condition: Callable[[], bool], what: str, limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            if self._process.poll() is not None:
                raise RecorderError(f"the recorder ended with {self._process.returncode}; see {self._log}")
            if time.monotonic() > deadline:
                raise RecorderError(f"waited {limit_s:g} s in vain for {what}; see {self._log}")
            time.sleep(POLL_S)

    @contextmanager
    def quoted_in_errors(self) -> Iterator[None]:
        """A RecorderError within gets what the recorder last warned of after its words: the log goes with the run."""
        try:
            yield
        except RecorderError as error:
            lines = self._log.read_text(errors="replace").splitlines()
            telling = [line for line in lines if '"level": "INFO"' not in line or "session closed" in line]
            raise RecorderError("; the recorder said: ".join((str(error), *telling[-QUOTED:]))) from error

    def stop(self) -> list[str]:
        """SIGTERM; what was wrong with the end."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(STOP_LIMIT_S)
        self.watch.close()
        return [f"the recorder ended with exit code {code}"] if code else []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self.watch.close()
        shutil.rmtree(self._run_dir, ignore_errors=True)


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - mkdtemp makes it private
