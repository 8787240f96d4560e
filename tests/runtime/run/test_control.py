import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zmq

from common.errors import RecorderError
from common.runtime.clock import CLOCK
from common.runtime.command_line.asking import FoundRecorder, ask, running_recorder
from common.runtime.run.control import (
    ControlServer,
    RefreshDiscovery,
    Reply,
    Request,
    Rotate,
    ScaleWriters,
    Stop,
)
from common.runtime.run.details import NOTHING
from common.runtime.run.facts import Facts, write_facts

DATA_ROOT = Path("/some/where")


def leave_facts(run_dir: Path, pid: int, *, before_ns: int = 0) -> None:
    (run_dir / "facts").mkdir(exist_ok=True)
    write_facts(
        run_dir, Facts("supervisor", pid, CLOCK.wall_ns() - before_ns, CLOCK.monotonic_ns(), {}, {}, NOTHING)
    )


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    leave_facts(tmp_path, os.getpid())
    return tmp_path


@pytest.fixture
def server(run_dir: Path) -> Iterator[ControlServer]:
    control = ControlServer(run_dir)
    yield control
    control.close()


def found(run_dir: Path) -> FoundRecorder:
    return FoundRecorder(DATA_ROOT, run_dir, running_recorder(run_dir))


def answered(server: ControlServer, run_dir: Path, request: Request, seen: list[Request]) -> Reply:
    def handler(given: Request) -> Reply:
        seen.append(given)
        return Reply(taken=True, words=f"number {len(seen)}")

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, found(run_dir), request, timeout_s=20)
        while not asked.done():
            server.answer(handler)
        return asked.result()


def test_every_request_arrives_as_it_was_and_gets_its_reply(server: ControlServer, run_dir: Path) -> None:
    seen: list[Request] = []
    requests: list[Request] = [Stop(), ScaleWriters(7), Rotate(), RefreshDiscovery()]
    replies = [answered(server, run_dir, request, seen) for request in requests]
    assert seen == requests
    assert [reply.words for reply in replies] == ["number 1", "number 2", "number 3", "number 4"]


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"{}", b'{"type":"ScaleWriters","writers":0}', b'{"type":"Explode"}']
)
def test_what_is_no_request_is_refused_in_words(server: ControlServer, run_dir: Path, body: bytes) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.connect(f"ipc://{run_dir}/control.sock")
        socket.send(body)
        while not socket.poll(10):
            server.answer(lambda _request: Reply(taken=True, words="never"))
        assert b'"taken":false,"words":"the request is not understood' in socket.recv()


def test_an_asker_that_left_harms_nobody(server: ControlServer, run_dir: Path) -> None:
    with pytest.raises(
        RecorderError, match=r"recorder on data root /some/where did not answer within 0\.1 s"
    ):
        ask(found(run_dir), Stop(), timeout_s=0.1)
    seen: list[Request] = []
    assert answered(server, run_dir, Rotate(), seen).taken
    assert seen[-1] == Rotate()


def test_without_a_recorder_the_data_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecorderError, match="no recorder runs on data root /some/where"):
        ask(found(tmp_path), Stop(), timeout_s=1)


def test_a_dead_recorders_traces_are_no_recorder(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        leave_facts(tmp_path, process.pid)
        assert running_recorder(tmp_path) is None, "it ended, though nobody took note yet"
    assert running_recorder(tmp_path) is None


def test_a_process_that_got_a_dead_recorders_id_is_no_recorder(tmp_path: Path) -> None:
    leave_facts(tmp_path, os.getpid())
    assert running_recorder(tmp_path) is not None
    leave_facts(tmp_path, os.getpid(), before_ns=10**18)
    assert running_recorder(tmp_path) is None
