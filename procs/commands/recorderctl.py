"""bin/recorderctl: looks at a running recorder, and asks it to scale, rotate, refresh or stop."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import psutil

from common.core.option_types import duration, whole_number
from common.core.status.event_lines import SeenEvents
from common.core.status.history import History
from common.errors import EXIT_DONE, EXIT_FAILED, RecorderError
from common.runtime.command_line import command
from common.runtime.command_line.arguments import ActionParser
from common.runtime.command_line.asking import ask, find_recorder, running_recorder
from common.runtime.data_root_lock import Holder
from common.runtime.run.control import (
    MOST_WRITERS,
    RefreshDiscovery,
    Request,
    Rotate,
    ScaleWriters,
    Stop,
)
from common.runtime.run.details import SupervisorDetails
from common.runtime.run.facts import details_of_one, read_facts
from common.status.seen_from_outside import Status, read_status

ANSWER_LIMIT_S = 5.0
REDRAW_S = 1.0
LOOK_S = 0.05
PLAIN_SIZE = (100, 60)
EXAMPLE = """bin/recorderctl status
  bin/recorderctl events --follow --json
  bin/recorderctl --data-root /tmp/trial scale writer 2
  bin/recorderctl stop"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; the exit code."""
    return command.run(partial(_act, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser("recorderctl", "Shows the state of a running recorder, and controls it.", EXAMPLE)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=ActionParser)
    status = _action(actions, "status", "how the recorder is doing; live on a terminal")
    how = status.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="the run manifest as JSON, with its `liveness`")
    how.add_argument("--once", action="store_true", help="plain text, once, on a terminal too")
    how.add_argument(
        "--watch",
        type=duration(0.1, 86_400),
        metavar="SECONDS",
        help=f"redraw so often (default {REDRAW_S:g})",
    )
    events = _action(
        actions, "events", "the few events that matter: dark, one leg, gap, divergence, disk, alarm, healed"
    )
    events.add_argument("--follow", action="store_true", help="go on with those to come, until interrupted")
    events.add_argument("--json", action="store_true", help="one JSON object a line, as the webhook gets it")
    scale = _action(actions, "scale", "change how many archive writers run")
    scale.add_argument("what", choices=["writer"], help="what to have more or fewer of")
    scale.add_argument(
        "count", type=whole_number(1, MOST_WRITERS), metavar="N", help=f"how many, 1 to {MOST_WRITERS}"
    )
    _action(actions, "rotate", "close every open archive now and begin new ones")
    _action(actions, "refresh-discovery", "ask now which markets to record")
    stop = _action(actions, "stop", "drain, close and end; waits until that is done")
    stop.add_argument(
        "--no-wait", action="store_true", help="return as soon as the recorder has begun to stop"
    )
    stop.add_argument(
        "--timeout-seconds",
        type=duration(0.1, 86_400),
        default=60.0,
        metavar="SECONDS",
        help="wait at most so long (60)",
    )
    return parser


def _action(
    actions: "argparse._SubParsersAction[ActionParser]", name: str, words: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=words, description=words.capitalize() + ".")
    for option, metavar in (("--config", "PATH"), ("--data-root", "DIR")):
        kind = Path if option == "--config" else str
        parser.add_argument(
            option, type=kind, metavar=metavar, default=argparse.SUPPRESS, help="as before ACTION"
        )
    return parser


def _act(namespace: argparse.Namespace) -> int:
    found = find_recorder(command.load(namespace).paths)
    if namespace.action == "status":
        return _status(namespace, found.data_root, found.run_dir)
    if namespace.action == "events":
        return _events(namespace, found.data_root, found.run_dir)
    if found.process is None and found.holder is not None and namespace.action == "stop":
        return _stop_holder(found.holder, namespace)
    reply = ask(found, _request(namespace), timeout_s=ANSWER_LIMIT_S)
    if not reply.taken:
        raise RecorderError(reply.words)
    print(reply.words, flush=True)
    if namespace.action != "stop" or namespace.no_wait or found.process is None:
        return EXIT_DONE
    return _wait_for_end(found.process, found.run_dir, namespace.timeout_seconds)


def _stop_holder(holder: Holder, namespace: argparse.Namespace) -> int:
    """It holds the data root, and does not answer: a signal does the same."""
    try:
        recorder = psutil.Process(holder.pid)
        recorder.terminate()
    except psutil.Error as error:
        raise RecorderError(
            f"the recorder with process id {holder.pid} cannot be stopped: {error}"
        ) from error
    print(f"asked process {holder.pid}, which holds the data root, to stop", flush=True)
    return (
        EXIT_DONE
        if namespace.no_wait
        else _wait_for_end(recorder, Path(holder.run_dir), namespace.timeout_seconds)
    )


def _request(namespace: argparse.Namespace) -> Request:
    if namespace.action == "scale":
        return ScaleWriters(namespace.count)
    requests: dict[str, Request] = {
        "rotate": Rotate(),
        "refresh-discovery": RefreshDiscovery(),
        "stop": Stop(),
    }
    return requests[namespace.action]


def _wait_for_end(recorder: psutil.Process, run_dir: Path, timeout_s: float) -> int:
    deadline = time.monotonic() + timeout_s
    said = ""
    while running_recorder(run_dir) == recorder or _is_live(recorder):
        waits = ", ".join(_live_processes(run_dir)) or "the supervisor"
        if waits != said:
            print(f"waiting for {waits}", flush=True)
            said = waits
        if time.monotonic() > deadline:
            print(f"error: not ended after {timeout_s:g} s (pid {recorder.pid})", file=sys.stderr)
            return EXIT_FAILED
        time.sleep(LOOK_S)
    print("the recorder has ended")
    return EXIT_DONE


def _is_live(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _live_processes(run_dir: Path) -> list[str]:
    supervisor = details_of_one(read_facts(run_dir), SupervisorDetails)
    return [each.name for each in supervisor.processes if each.pid is not None] if supervisor else []


def _status(namespace: argparse.Namespace, data_root: Path, run_dir: Path) -> int:
    status = read_status(data_root, run_dir)
    if namespace.json:
        document = {**status.manifest, "liveness": msgspec.to_builtins(status.liveness)}
        print(msgspec.json.format(msgspec.json.encode(document), indent=1).decode())
    elif namespace.once or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        _print(status)
    else:
        _watch(data_root, run_dir, namespace.watch or REDRAW_S)
    return EXIT_DONE


def _events(namespace: argparse.Namespace, data_root: Path, run_dir: Path) -> int:
    seen = SeenEvents()
    status: Status | None = read_status(data_root, run_dir)
    while True:
        for line in seen.lines(status.manifest, as_json=namespace.json) if status is not None else ():
            print(line, flush=True)
        if not namespace.follow:
            return EXIT_DONE
        time.sleep(REDRAW_S)
        try:
            status = read_status(data_root, run_dir)
        except RecorderError:
            status = None  # another run begins: it is there soon


def _print(status: Status) -> None:
    from common.terminal.drawing import plain_lines  # noqa: PLC0415 - rich is only for what draws
    from common.terminal.status_screen import status_lines  # noqa: PLC0415

    lines = status_lines(status.manifest, History(), *PLAIN_SIZE, time.time_ns(), liveness=status.liveness)
    print("\n".join(plain_lines(lines)))


def _watch(data_root: Path, run_dir: Path, interval_s: float) -> None:
    from common.terminal.screen import Screen  # noqa: PLC0415 - rich is only for what draws
    from common.terminal.status_screen import status_lines  # noqa: PLC0415

    history = History()
    with Screen() as screen:
        while not screen.ended:
            status = read_status(data_root, run_dir)
            history.note(status.manifest)
            screen.draw(
                status_lines(
                    status.manifest,
                    history,
                    *screen.size(),
                    time.time_ns(),
                    liveness=status.liveness,
                    hint="q quits",
                )
            )
            if "q" in screen.keys(interval_s).lower():
                return


if __name__ == "__main__":
    sys.exit(main())
