"""How a command finds a running recorder, and asks it for something."""

from pathlib import Path

import msgspec
import psutil
import zmq

from common.errors import RecorderError
from common.runtime.run.control import Reply, Request, endpoint
from common.runtime.run.facts import last_facts

_SUPERVISOR = "supervisor"
_FACTS_MAY_LAG_S = 5.0  # a process that began so long after the facts is another one with the same id


def running_recorder(run_dir: Path) -> psutil.Process | None:
    """The supervisor that lives in this folder; None when there is none, or a dead one's traces."""
    facts = last_facts(run_dir, _SUPERVISOR)
    if facts is None:
        return None
    try:
        process = psutil.Process(facts.pid)
        is_another = process.create_time() > facts.updated_at_ns / 1e9 + _FACTS_MAY_LAG_S
        ended = process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return None if is_another or ended else process


def ask(run_dir: Path, request: Request, *, data_root: Path, timeout_s: float) -> Reply:
    """Ask the recorder and wait for its reply. Raises RecorderError when none runs, or none answers."""
    if running_recorder(run_dir) is None:
        raise RecorderError(
            f"no recorder runs on data root {data_root}; say --data-root of one that runs,"
            " or start one with bin/run-recorder"
        )
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(endpoint(run_dir))
        socket.send(msgspec.json.encode(request))
        if not socket.poll(int(timeout_s * 1000), zmq.POLLIN):
            raise RecorderError(
                f"the recorder on data root {data_root} did not answer within {timeout_s:g} s; see its log"
            )
        return msgspec.json.decode(socket.recv(), type=Reply)
