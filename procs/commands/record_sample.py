"""bin/record-sample: a bounded recording, checked by reading it again, with a report."""

import argparse
import logging
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.config import Settings
from common.core.instants import utc_text
from common.core.market import DiscoveryFile, Exchange
from common.core.option_types import integer, seconds
from common.core.sample.account import Reason, SampleManifest, SampleRun
from common.core.sample.gate import PASS, TRY_OFFLINE
from common.errors import EXIT_DONE, EXIT_NEEDS_REVIEW, DiscoveryError
from common.polymarket.gamma.discover import discover
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from common.runtime.command_line import command
from common.runtime.command_line.exchange_choice import (
    LIVE,
    add_exchange_arguments,
    chosen_exchange,
    exchange_of_run,
)
from common.runtime.command_line.invocation import as_typed
from common.runtime.logs import start_logging
from common.runtime.run.details import ReaderDetails, SupervisorDetails, last_error
from common.runtime.run.facts import Facts, details_of_one, read_facts
from common.runtime.stop_signals import StopSignals
from common.sample.progress import Progress
from common.sample.results import judge_sample, write_sample_results
from procs.supervisor import NAME, Supervisor

STEP_SECONDS = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Record a sample and judge it; the exit code: 0 for PASS, 3 where it needs review."""
    return command.run(partial(_sample, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser(
        "record-sample",
        "Records a bounded sample, reads it again, and writes a report that states whether it is good.",
        "bin/record-sample --exchange simulated --duration-seconds 20 --rest-checkpoint-interval-seconds 5",
        default_config=command.SAMPLE_CONFIG,
    )
    parser.add_argument(
        "--market-limit",
        type=integer,
        metavar="N",
        help="markets to record, current windows first; 0: all",
    )
    parser.add_argument(
        "--duration-seconds",
        type=seconds,
        metavar="SECONDS",
        help="how long to record, from when all processes run",
    )
    parser.add_argument(
        "--rest-checkpoint-interval-seconds",
        type=seconds,
        metavar="SECONDS",
        help="how often books are fetched over REST; two checkpoints are needed",
    )
    command.add_selection_arguments(parser)
    add_exchange_arguments(parser)
    return parser


def _sample(namespace: argparse.Namespace) -> int:
    settings = command.load(
        namespace,
        {
            "discovery": {
                "market_limit": namespace.market_limit,
                **command.selection_options(namespace),
            },
            "sample": {"duration_seconds": namespace.duration_seconds},
            "rest_checkpoint": {"interval_seconds": namespace.rest_checkpoint_interval_seconds},
        },
    )
    signals = StopSignals()
    with chosen_exchange(namespace, settings) as chosen:
        supervisor = Supervisor(chosen, sample=True)
        try:
            start_logging(NAME, supervisor.run_id, level=logging.WARNING)
            exchange = exchange_of_run(namespace, chosen)
            run = _record(supervisor, chosen, signals, _command_line(namespace), exchange)
            run = msgspec.structs.replace(run, next_command=_next_command(namespace))
        finally:
            supervisor.close()
    manifest = _as_typed(judge_sample(Path(settings.paths.data_root), run))
    written = write_sample_results(
        Path(settings.paths.data_root), Path(settings.paths.reports_root), manifest
    )
    _tell(manifest, *written)
    return EXIT_DONE if manifest.verdict == PASS else EXIT_NEEDS_REVIEW


def _record(
    supervisor: Supervisor, settings: Settings, signals: StopSignals, command_line: str, exchange: Exchange
) -> SampleRun:
    started_ns = time.time_ns()
    reasons: list[Reason] = []
    found: DiscoveryFile | None = None
    path = discovery_path(Path(settings.paths.data_root), settings.discovery)
    try:
        found = discover(settings, started_ns, exchange)
        write_discovery_file(path, found)
        reasons += _problems(found)
    except DiscoveryError as error:
        reasons.append(Reason(f"discovery failed: {error}", TRY_OFFLINE))
    if found is not None and found.markets:
        supervisor.claim(exchange)
        reasons += _supervise(supervisor, settings, signals, command_line)
    return SampleRun(
        run_id=supervisor.run_id,
        started_at_utc=utc_text(started_ns),
        ended_at_utc=utc_text(time.time_ns()),
        duration_seconds=settings.sample.duration_seconds,
        markets=found.markets if found is not None else (),
        config_sha256=settings.sha256(),
        exchange=exchange,
        command=command_line,
        reasons=tuple(reasons),
    )


def _problems(found: DiscoveryFile) -> Iterator[Reason]:
    """What of the selection is not recorded. A listing that was cut short is none where a market was found."""
    for problem in found.problems:
        if problem.kind != "discovery_incomplete" or not found.markets:
            yield Reason(f"discovery: {problem.kind}: {problem.reason}", "bin/discover-markets")


def _supervise(
    supervisor: Supervisor, settings: Settings, signals: StopSignals, command_line: str
) -> list[Reason]:
    """Record for the time asked; what went wrong on the way."""
    supervisor.begin()
    duration_s = settings.sample.duration_seconds
    progress = Progress(duration_s, sys.stderr)
    unanswered: list[str] = []
    while supervisor.step(STEP_SECONDS):
        elapsed_s = supervisor.recorded_s()
        facts = read_facts(supervisor.run_dir)
        progress.show(elapsed_s, facts)
        if signals.count or elapsed_s >= duration_s:
            supervisor.stop()
        else:
            unanswered = _unanswered(facts)
        if signals.count > 1:
            supervisor.hurry()
    progress.end()
    reasons = list(_troubles(read_facts(supervisor.run_dir), command_line))
    reasons += [
        Reason(f"{settings.exchange.ws_url} did not answer {name}'s handshake in that time", TRY_OFFLINE)
        for name in unanswered
    ]
    if signals.count:
        reasons.insert(0, Reason("interrupted before the time was over", command_line))
    return reasons


def _unanswered(facts: Mapping[str, Facts]) -> list[str]:
    """Readers whose first connection is being made, and of which no attempt has failed so far."""
    return [
        name
        for name, fact in facts.items()
        if isinstance(fact.details, ReaderDetails)
        and fact.details.state == "connecting"
        and not fact.details.last_error
    ]


def _troubles(facts: Mapping[str, Facts], command_line: str) -> Iterator[Reason]:
    for name, fact in facts.items():
        if error := last_error(fact.details):
            yield Reason(f"{name}: {error}", TRY_OFFLINE)
    supervisor = details_of_one(facts, SupervisorDetails)
    for process in supervisor.processes if supervisor is not None else ():
        if restarts := process.restarts:
            times = "once" if restarts == 1 else f"{restarts} times"
            yield Reason(f"{process.name} ended unasked and was started again {times}", command_line)


def _command_line(namespace: argparse.Namespace) -> str:
    words = ["bin/record-sample"]
    if namespace.exchange != "live":
        words += ["--exchange", namespace.exchange]
    options = ("duration_seconds", "rest_checkpoint_interval_seconds", "market_limit", "config", "data_root")
    for option in options:
        if (value := getattr(namespace, option)) is not None:
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            words += [f"--{option.replace('_', '-')}", shown]
    words += command.selection_words(namespace)
    return shlex.join(words)


def _next_command(namespace: argparse.Namespace) -> str:
    """What to run after a pass: the recorder, on the folder of this sample if that has live data."""
    words = ["bin/run-recorder"]
    for option in ("config", "data_root"):
        if namespace.exchange == LIVE and (value := getattr(namespace, option)) is not None:
            words += [f"--{option.replace('_', '-')}", str(value)]
    return shlex.join(words)


def _as_typed(manifest: SampleManifest) -> SampleManifest:
    """With every command to run next as a user of this installation types it."""
    return msgspec.structs.replace(
        manifest,
        next_command=as_typed(manifest.next_command),
        reasons=tuple(
            Reason(as_typed(reason.words), as_typed(reason.next_command)) for reason in manifest.reasons
        ),
    )


def _tell(manifest: SampleManifest, manifest_path: Path, report_path: Path) -> None:
    print(manifest.verdict)
    for reason in manifest.reasons:
        print(f"  {reason.words}")
    print(f"Report:   {report_path}")
    print(f"Manifest: {manifest_path}")
    print(f"Next:     {manifest.next_command}")


if __name__ == "__main__":
    sys.exit(main())
