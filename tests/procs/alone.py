"""Starts single processes of the recorder with an assignment of their own, as the supervisor would."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from common.core.market import Exchange
from common.runtime.run.facts import Facts, last_details, last_facts
from common.runtime.run.orders import Orders, write_orders
from tests.end_to_end.running import ROOT
from tests.waiting import wait_for

Layout = tuple[Path, Path]
D = TypeVar("D")


class Alone:
    """One running process and its facts."""

    def __init__(self, name: str, process: "subprocess.Popen[str]", run_dir: Path) -> None:
        self.process = process
        self._name = name
        self._run_dir = run_dir
        self.log = ""

    @property
    def facts(self) -> Facts | None:
        return last_facts(self._run_dir, self._name)

    def counter(self, name: str) -> int:
        return self.facts.counters.get(name, 0) if self.facts else 0

    def details(self, kind: type[D]) -> D | None:
        return last_details(self._run_dir, self._name, kind)

    def problem(self, kind: str) -> str:
        """The reason of a problem of this kind that lasts; empty without one."""
        problems = self.facts.problems if self.facts else ()
        return next((problem.reason for problem in problems if problem.kind == kind), "")

    def wait_for_counter(self, name: str, at_least: int) -> None:
        wait_for(
            lambda: self.counter(name) >= at_least or self.process.poll() is not None,
            what=f"{name} to reach {at_least}",
        )
        assert self.process.poll() is None, self.process.communicate()[1]

    def stop(self) -> int:
        """SIGTERM; the exit code, with the log kept."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL, with the log kept."""
        return self._end(signal.SIGKILL)

    def _end(self, by: signal.Signals) -> int:
        self.process.send_signal(by)
        self.log = self.process.communicate(timeout=120)[1]
        return self.process.returncode


@contextmanager
def run_folder() -> Iterator[Path]:
    """A run folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="ob-") as name:
        folder = Path(name)
        (folder / "facts").mkdir()
        (folder / "producers").mkdir()
        write_orders(folder, Orders(writers=1, readers=1))
        yield folder


@contextmanager
def alone(
    module: str,
    run_dir: Path,
    data_root: Path,
    settings: Mapping[str, Mapping[str, object]],
    *,
    name: str = "",
    exchange: Exchange = "live",
) -> Iterator[Alone]:
    """The process of `procs.<module>`, killed in the end if it is still there."""
    assignment = run_dir / "assignment.json"
    assignment.write_text(
        json.dumps(
            {
                "run_id": "20260101T000000Z-test",
                "mode": "runtime",
                "started_at_ns": 1,
                "readers": 1,
                "data_root": str(data_root),
                "run_dir": str(run_dir),
                "settings": settings,
                "exchange": exchange,
            }
        )
    )
    process_name = name or module
    command = [sys.executable, "-P", "-m", f"procs.{module}", "--name", process_name, "--index", "0"]
    with subprocess.Popen(
        [*command, "--assignment", str(assignment), "--supervisor", str(os.getpid())],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Alone(process_name, process, run_dir)
        finally:
            if process.poll() is None:
                process.kill()
