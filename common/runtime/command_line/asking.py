"""How a command finds a running recorder, and asks it for something."""

from pathlib import Path

import msgspec
import psutil
import zmq

from common.config import PathSettings
from common.errors import RecorderError
from common.queue.sockets import open_socket
from common.runtime.data_root_lock import Holder, holder_of
from common.runtime.run.control import Reply, Request, endpoint
from common.runtime.run.facts import last_facts
from common.runtime.run.run_dir import run_dir_path
from common.socket_ends import ASKER

_SUPERVISOR = "supervisor"
_FACTS_MAY_LAG_S = 5.0  # a process that began so long after the facts is another one with the same id


class FoundRecorder(msgspec.Struct, frozen=True):
    """What a search for the recorder of a data root found.

    `process` is its supervisor, None where none lives in `run_dir`. `holder` is known where the run's folder is
    another one than the settings name, or where nothing lives in it though the data root is held.
    """

    data_root: Path
    run_dir: Path
    process: psutil.Process | None
    holder: Holder | None = None

    def refusal(self) -> RecorderError:
        """What to answer a user who wants something of a recorder that does not run."""
        if self.holder is not None:
            return RecorderError(
                f"data root {self.data_root} is held by a recorder that does not answer ({self.holder.described});"
                " see its log"
            )
        return RecorderError(
            f"no recorder runs on data root {self.data_root}; say --data-root of one that runs,"
            " or start one with bin/run-recorder"
        )


def find_recorder(paths: PathSettings) -> FoundRecorder:
    """The recorder of the data root: in the run's folder that the settings name, else where the lock says that it runs.

    It may have been started with another `paths.run_dir` than the settings of the one who asks.
    """
    data_root = Path(paths.data_root).absolute()
    run_dir = run_dir_path(paths.run_dir, data_root)
    process = running_recorder(run_dir)
    holder = holder_of(data_root) if process is None else None
    if holder is None:
        return FoundRecorder(data_root, run_dir, process)
    run_dir = Path(holder.run_dir)
    return FoundRecorder(data_root, run_dir, running_recorder(run_dir), holder)


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


def ask(recorder: FoundRecorder, request: Request, *, timeout_s: float) -> Reply:
    """Ask the recorder and wait for its reply. Raises RecorderError when none runs, or none answers."""
    if recorder.process is None:
        raise recorder.refusal()
    with zmq.Context() as context, open_socket(context, ASKER) as socket:
        socket.connect(endpoint(recorder.run_dir))
        socket.send(msgspec.json.encode(request))
        if not socket.poll(int(timeout_s * 1000), zmq.POLLIN):
            raise RecorderError(
                f"the recorder on data root {recorder.data_root} did not answer within {timeout_s:g} s; see its log"
            )
        return msgspec.json.decode(socket.recv(), type=Reply)
