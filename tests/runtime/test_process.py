import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from common.runtime.run.details import NOTHING
from common.runtime.run.facts import Facts, last_facts, read_facts, write_facts
from tests.end_to_end.running import ROOT
from tests.procs.alone import run_folder
from tests.stated import DISCOVERY
from tests.waiting import wait_for

NAME = "discovery"  # whose details the toy has
TOY = """
import sys
from common.errors import ConfigError
from common.errors import DiscoveryError
from common.runtime import process
from common.runtime.run.details import DiscoveryDetails

class Toy:
    def __init__(self, runtime):
        self.runtime, self.left = runtime, None
        if MODE == "config":
            raise ConfigError("paths.data_root: no")
    def step(self, timeout_s):
        self.runtime.tally.add("steps")
        if MODE == "error":
            raise DiscoveryError("there is nothing")
        if MODE == "bug":
            raise ValueError("unforeseen")
        if self.left is not None and MODE != "endless":
            self.left -= 1
        self.runtime.clock.sleep(0.01)
        return self.left is None or self.left > 0
    def stop(self):
        self.runtime.tally.add("stops")
        self.left = 20
    def details(self):
        return DiscoveryDetails(last_success_at_utc=None, last_error=str(self.runtime.index), clock_offset_s=None)
    def close(self):
        self.runtime.tally.add("closed")
        print("closed", flush=True)

MODE = sys.argv.pop(1)
if MODE == "endless":
    process.ORPHAN_LIMIT_NS = 0
process.main(Toy)
"""


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with run_folder() as folder:
        document = {"run_id": "r1", "mode": "runtime", "started_at_ns": 1, "readers": 1, "settings": {}}
        document |= {"data_root": str(folder), "run_dir": str(folder)}
        (folder / "assignment.json").write_text(json.dumps(document))
        yield folder


def command(run_dir: Path, mode: str, *, supervisor: int) -> list[str]:
    given = ["--name", NAME, "--index", "3", "--assignment", str(run_dir / "assignment.json")]
    return [sys.executable, "-c", TOY, mode, *given, "--supervisor", str(supervisor)]


def start(run_dir: Path, mode: str = "run", *, supervisor: int | None = None) -> "subprocess.Popen[str]":
    given = command(run_dir, mode, supervisor=os.getpid() if supervisor is None else supervisor)
    return subprocess.Popen(given, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def steps(run_dir: Path) -> int:
    facts = last_facts(run_dir, NAME)
    return facts.counters["steps"] if facts else 0


def test_a_process_tells_of_itself_while_it_runs_and_drains_on_sigterm(run_dir: Path) -> None:
    with start(run_dir) as process:
        wait_for(lambda: steps(run_dir) > 1, what="the second heartbeat")
        facts = last_facts(run_dir, NAME)
        assert facts is not None
        assert (facts.pid, facts.details) == (process.pid, replace(DISCOVERY, last_error="3"))
        for to_all in (signal.SIGINT, signal.SIGHUP):  # by a terminal; only the supervisor may act on it
            process.send_signal(to_all)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        out, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert out == "closed\n"
    last = read_facts(run_dir)[NAME]
    assert last.counters["stops"] == 1
    assert [json.loads(line)["message"] for line in log.splitlines()] == ["process started", "process ended"]


def test_counters_go_on_where_a_killed_process_stopped(run_dir: Path) -> None:
    write_facts(run_dir, Facts(NAME, 1, 1, 1, {"steps": 1_000_000}, {}, NOTHING))
    with start(run_dir) as process:
        wait_for(lambda: steps(run_dir) > 1_000_000, what="the counter to go on")
        process.kill()


@pytest.mark.parametrize(
    ("mode", "code", "message"),
    [("error", 1, "process failed"), ("config", 78, "process failed"), ("bug", 1, "ended by a bug")],
)
def test_the_end_of_a_process_has_its_exit_code_and_its_record(
    run_dir: Path, mode: str, code: int, message: str
) -> None:
    with start(run_dir, mode) as process:
        _, log = process.communicate(timeout=120)
    assert process.returncode == code
    record = json.loads(log.splitlines()[-1])
    assert record["message"] == message
    assert record["process"] == NAME


def test_a_process_whose_parent_died_finishes_and_ends(run_dir: Path) -> None:
    launcher = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([*sys.argv[1:], '--supervisor', str(os.getpid())])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", launcher, *command(run_dir, "run", supervisor=0)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        wait_for(lambda: steps(run_dir), what="the first heartbeat")
        os.kill(parent.pid, signal.SIGKILL)
        out, log = parent.communicate(timeout=120)  # ends when the orphan has let go of the pipes
    assert out == "closed\n"
    assert "supervisor is gone, finishing" in log
    facts = last_facts(run_dir, NAME)
    assert facts is not None
    assert facts.pid == orphan
    assert facts.counters["stops"] == 1


def test_a_process_whose_supervisor_died_before_it_could_look_finishes_and_ends(run_dir: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    with start(run_dir, supervisor=gone.pid) as process:
        out, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert out == "closed\n"
    assert "supervisor is gone, finishing" in log
    facts = last_facts(run_dir, NAME)
    assert facts is not None
    assert facts.counters["stops"] == 1


def test_an_orphan_that_cannot_finish_gives_up_and_leaves_its_work_to_the_next_run(run_dir: Path) -> None:
    with start(run_dir, "endless", supervisor=0) as process:
        _, log = process.communicate(timeout=120)
    assert process.returncode == 1, log
    assert json.loads(log.splitlines()[-1])["reason"].startswith("the supervisor is gone")


def test_a_run_folder_that_is_gone_holds_no_process_up(run_dir: Path) -> None:
    with start(run_dir) as process:
        wait_for(lambda: steps(run_dir), what="the first heartbeat")
        for path in (run_dir / "facts").iterdir():
            path.unlink(missing_ok=True)
        (run_dir / "facts").rename(run_dir / "elsewhere")
        process.terminate()
        out, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert out == "closed\n"
