"""bin/run-recorder: launches every process and supervises them until SIGTERM, or for a bounded time."""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.config import Settings
from common.core.market import Exchange
from common.core.option_types import duration, integer
from common.core.status.rooms import file_warnings, spool_warnings
from common.errors import EXIT_DONE, EXIT_FAILED, DiscoveryError
from common.polymarket.gamma.discover import refresh
from common.polymarket.gamma.discovery_file import discovery_path, read_discovery_file
from common.runtime.command_line import command
from common.runtime.command_line.exchange_choice import (
    add_exchange_arguments,
    chosen_exchange,
    exchange_of_run,
)
from common.runtime.logs import flush_logs, start_logging
from common.runtime.machine.disk_room import room_of
from common.runtime.machine.service_manager import ServiceManager
from common.runtime.short_lines import stderr_is_terminal
from common.runtime.stop_signals import StopSignals
from common.status.told_at_terminal import opening_lines, read_recorded
from common.version import PROGRAM_VERSION
from procs.supervisor import NAME, Supervisor

STEP_SECONDS = 0.1
PATIENCE_S = 8.0  # with Gamma at the start: it is asked again while the recorder runs

log = logging.getLogger("run_recorder")


def main(arguments: Sequence[str] | None = None) -> int:
    """Record until told to stop; the exit code."""
    return command.run(partial(_record, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser(
        "run-recorder",
        "Records the order books of Polymarket's markets, by default Bitcoin's up/down ones, until SIGTERM or Ctrl-C.",
        "bin/run-recorder --exchange simulated --writers 2 --duration-seconds 30 --data-root /tmp/trial",
    )
    parser.add_argument(
        "--writers",
        type=integer,
        metavar="N",
        help="archive writers (default: from the settings)",
    )
    parser.add_argument(
        "--duration-seconds",
        type=duration(),
        metavar="SECONDS",
        help="stop after this long, from when all processes run (default: never)",
    )
    command.add_selection_arguments(parser)
    add_exchange_arguments(parser)
    return parser


def _record(namespace: argparse.Namespace) -> int:
    options = {"writer": {"writers": namespace.writers}, "discovery": command.selection_options(namespace)}
    settings = command.load(namespace, options)
    signals = StopSignals()
    with chosen_exchange(namespace, settings) as chosen:
        supervisor = Supervisor(chosen)
        try:
            start_logging(NAME, supervisor.run_id)
            exchange = exchange_of_run(namespace, chosen)
            log.info(
                "recorder started",
                extra={
                    "version": PROGRAM_VERSION,
                    "exchange": exchange,
                    "data_root": chosen.paths.data_root,
                    "run_dir": str(supervisor.run_dir),
                },
            )
            _warn_of_little_room(supervisor.run_dir, Path(chosen.paths.data_root))
            _discover_first(chosen, exchange)
            supervisor.claim(exchange)
            supervisor.begin()
            if stderr_is_terminal():
                _tell("\n".join(opening_lines(chosen, exchange)))
            _supervise(supervisor, signals, namespace.duration_seconds)
            return _verdict(supervisor, Path(chosen.paths.data_root))
        finally:
            supervisor.close()


def _tell(text: str) -> None:
    """To the person at the terminal, after what was logged before."""
    flush_logs()
    print(text, file=sys.stderr, flush=True)


def _verdict(supervisor: Supervisor, data_root: Path) -> int:
    left = supervisor.left_over()
    recorded = read_recorded(data_root, supervisor.run_id)
    if not left:
        log.info("recorder stopped", extra={} if recorded is None else msgspec.structs.asdict(recorded))
        if recorded is not None and stderr_is_terminal():
            _tell(recorded.line(data_root))
        return EXIT_DONE
    log.error(
        "recorder stopped before everything was in archives: start it again on the same data root",
        extra={"producers": left, "run_dir": str(supervisor.run_dir)},
    )
    return EXIT_FAILED


def _warn_of_little_room(run_dir: Path, data_root: Path) -> None:
    """Before anything is full; health goes on saying so."""
    for words in (
        *spool_warnings(room_of(run_dir), str(run_dir)),
        *file_warnings(room_of(data_root), str(data_root)),
    ):
        log.warning("little room", extra={"reason": words})


def _discover_first(settings: Settings, exchange: Exchange) -> None:
    """Begin with the markets of now or, where Gamma does not answer, with those of the last discovery.

    What the other exchange answers, or answered then, is never taken. Without either the recorder starts all the
    same: recording begins when Gamma answers, and health is red until then.
    """
    path = discovery_path(Path(settings.paths.data_root), settings.discovery)
    try:
        refresh(settings, path, time.time_ns(), exchange, patience_s=PATIENCE_S)
    except DiscoveryError as error:
        log.warning("discovery failed, going on with the last one", extra={"reason": str(error)})
        try:
            read_discovery_file(path, exchange)
        except DiscoveryError as missing:
            log.warning("nothing is recorded until a discovery succeeds", extra={"reason": str(missing)})


def _supervise(supervisor: Supervisor, signals: StopSignals, duration_seconds: float | None) -> None:
    manager = ServiceManager()
    stopping = False
    while supervisor.step(STEP_SECONDS):
        manager.alive(time.monotonic_ns())
        if manager.waits_for_ready and supervisor.all_run():
            manager.ready()
        if signals.count and not stopping:
            stopping = True
            manager.stopping()
        if signals.count or (duration_seconds is not None and supervisor.recorded_s() >= duration_seconds):
            supervisor.stop()
        if signals.count > 1:
            supervisor.hurry()


if __name__ == "__main__":
    sys.exit(main())
