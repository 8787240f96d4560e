"""bin/drill: breaks a running recorder in every way that it is said to survive, and proves what it kept."""

import argparse
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.core.option_types import above_zero, duration, whole_number
from common.core.suggestion import suggestion
from common.drill.cases import CASES, SLOW_CASES
from common.drill.outcome import Case, Counts, Inconclusive, Outcome, Plan, Verdict
from common.errors import EXIT_DONE, EXIT_FAILED, EXIT_NEEDS_REVIEW, EXIT_USAGE, RecorderError
from common.runtime.command_line import command
from common.terminal.tables import table
from common.version import PROGRAM_VERSION


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the drill; the exit code: 0 all PASS, 1 any FAIL, 3 where only INCONCLUSIVE is left."""
    return command.run(partial(_drill, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser(
        "drill",
        "Breaks a recorder under load in every way that it is said to survive, and proves what it kept."
        " It records the embedded exchange, whose own account of what it sent is the measure.",
        "bin/drill --only kill-writer --duration 30 --rate 5000\n  bin/drill --only soak --duration 3600 --rate 300",
    )
    parser.add_argument(
        "--only", action="append", metavar="CASE", help="this case (repeatable; soak and a-year run only so)"
    )
    parser.add_argument("--list", action="store_true", help="name the cases and what each promises")
    parser.add_argument(
        "--duration",
        type=duration(),
        default=12.0,
        metavar="SECONDS",
        help="of load, each case (default: 12)",
    )
    parser.add_argument(
        "--rate", type=above_zero, default=2000.0, metavar="N", help="frames a second (default: 2000)"
    )
    parser.add_argument(
        "--seed", type=whole_number(0), help="the same seed acts at the same moments (default: any)"
    )
    parser.add_argument("--json", action="store_true", help="the outcomes as one JSON document")
    return parser


def _drill(namespace: argparse.Namespace) -> int:
    logging.disable(logging.INFO)
    command.load(namespace)  # refused like by every command; each case has settings of its own
    if namespace.only is None:
        cases = [*CASES, *SLOW_CASES] if namespace.list else list(CASES)
    else:
        cases = [case for case in (*CASES, *SLOW_CASES) if case.name in namespace.only]
    if unknown := sorted(set(namespace.only or ()) - {case.name for case in cases}):
        close = suggestion(unknown[0], [case.name for case in (*CASES, *SLOW_CASES)])
        print(f"error: no case {', '.join(unknown)}{close}", file=sys.stderr)
        return EXIT_USAGE
    if namespace.list:
        for line in table(("case", "promised"), [(case.name, case.promise) for case in cases]):
            print(line)
        return EXIT_DONE
    seed = random.randrange(1 << 31) if namespace.seed is None else namespace.seed  # noqa: S311 - no secret
    plan = Plan(namespace.duration, namespace.rate, seed)
    base = Path(namespace.data_root) if namespace.data_root else None
    outcomes = []
    for case in cases:
        outcomes.append(_run(case, plan, base))
        if not namespace.json:
            _tell(outcomes[-1])
    if namespace.json:
        print(msgspec.json.format(msgspec.json.encode(outcomes), indent=1).decode())
    else:
        for line in _table(outcomes, plan):
            print(line)
    return _exit_code(outcomes)


def _run(case: Case, plan: Plan, base: Path | None) -> Outcome:
    """One case in a folder of its own, which stays where something is wrong with what is in it."""
    began = time.monotonic()
    if base is not None:
        base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"orderbooks-drill-{case.name}-", dir=base))
    done: Sequence[str] = ()
    reasons: Sequence[str] = ()
    verdict: Verdict = "PASS"
    counts = Counts()
    try:
        evidence = case.run(plan, folder)
    except Inconclusive as error:
        verdict, reasons = "INCONCLUSIVE", (str(error),)
    except RecorderError as error:
        verdict, reasons = "FAIL", (str(error),)
    else:
        done, reasons, counts = evidence.done, evidence.wrongs, evidence.counts
        verdict = "FAIL" if reasons else "PASS"
    if verdict == "FAIL":
        reasons = (*reasons, f"what was recorded, sent and logged is in {folder}")
    else:
        _remove(folder)
    seconds = round(time.monotonic() - began, 1)
    return Outcome(case.name, case.promise, tuple(done), verdict, tuple(reasons), counts, seconds)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _tell(outcome: Outcome) -> None:
    """What was promised, what was done, and what came of it."""
    print(f"{outcome.case}: {outcome.promise}")
    for done in outcome.done:
        print(f"  done: {done}")
    counted = msgspec.structs.asdict(outcome.counts)
    print(f"  frames: {', '.join(f'{count:,} {what}' for what, count in counted.items())}")
    for reason in outcome.reasons:
        print(f"  {reason}")
    print(f"  {outcome.verdict} after {outcome.seconds:g} s", flush=True)


def _table(outcomes: Sequence[Outcome], plan: Plan) -> Iterator[str]:
    yield ""
    load = f"{plan.rate:g} frames a second, {plan.duration_s:g} s of load each, seed {plan.seed}"
    yield f"{load}, version {PROGRAM_VERSION}"
    header = ("case", "sent", "received", "archived", "unconfirmed", "lost", "twice", "verdict")
    rows = []
    for outcome in outcomes:
        counts = outcome.counts
        figures = (
            *(counts.sent, counts.received, counts.archived),
            *(counts.unconfirmed, counts.lost, counts.twice),
        )
        rows.append((outcome.case, *(f"{figure:,}" for figure in figures), outcome.verdict))
    yield from table(header, rows)


def _exit_code(outcomes: Sequence[Outcome]) -> int:
    verdicts = {outcome.verdict for outcome in outcomes}
    if "FAIL" in verdicts:
        return EXIT_FAILED
    return EXIT_NEEDS_REVIEW if "INCONCLUSIVE" in verdicts else EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
