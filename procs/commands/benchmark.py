"""bin/benchmark: what the recorder costs on this machine, beside what promises nothing."""

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
import psutil
import trustme

from common.benchmark.books import HEADER, BookSpeed, books_report, compare_books, speed_rows
from common.benchmark.contest import Field, Plan, run_once
from common.benchmark.frames import make_load
from common.benchmark.measured import Measured, Setup
from common.benchmark.page import measure_page, page_report
from common.benchmark.plot import benchmark_picture
from common.benchmark.recorder import recorder_settings
from common.benchmark.report import report, short_table
from common.benchmark.search import Pace
from common.config import Settings
from common.config_loading import load_settings
from common.core.market import Token, all_tokens
from common.core.option_types import whole_number
from common.errors import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, RecorderError
from common.files import write_atomically
from common.polymarket.books import BOOKS_PATH, books_body, portions
from common.polymarket.gamma.discover import discover
from common.polymarket.http import fetch, open_session
from common.runtime.command_line import command
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import ExchangeUrls, SimulationOptions
from common.terminal.tables import table

TOKENS = (4, 20, 74, 200, 500)
WRITERS = (1, 2, 4)
BOOKS, BOOKS_QUICK = 30_000, 6_000  # messages of the recording that books are made of
PAGE_SECONDS = 20.0  # with nobody looking, and again with tabs open
REPORT, PLOT = "benchmark.md", "benchmark.svg"
THOROUGH = Plan(Pace(1.5, 4.0, 3), 3.0, (200.0, 2000.0, 10_000.0), 4.0, 5000.0)
QUICK = Plan(Pace(0.8, 1.2, 3), 1.0, (2000.0,), 2.0, 30_000.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; the exit code: 0 all runs count, 1 where one lost or changed a message."""
    return command.run(partial(_benchmark, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser(
        "benchmark",
        "Measures the whole recorder, guarantees on, beside a recorder that a user would write first (naive), the"
        " best single loop that promises nothing (best), and bytes from socket to compressed file (floor)."
        " All take messages of the same mix, in turn. A run counts only if every message is in its files. Then it"
        " measures how fast books and tables come of a recording, beside plain json and dictionaries.",
        "bin/benchmark --quick",
    )
    parser.add_argument("--quick", action="store_true", help="4 tokens, 1 writer, once: under a minute")
    parser.add_argument(
        "--tokens", type=_numbers, metavar="N,N", help="tokens subscribed (default: 4,20,74,200,500)"
    )
    parser.add_argument(
        "--writers", type=_numbers, metavar="N,N", help="at the fewest tokens (default: 1,2,4; else 1)"
    )
    parser.add_argument(
        "--repetitions", type=whole_number(1), metavar="N", help="of everything, in turn (default: 3)"
    )
    parser.add_argument(
        "--tls", action="store_true", help="all over TLS, one record a message, as the exchange sends it"
    )
    parser.add_argument(
        "--page", action="store_true", help="only what ten open tabs of the page cost, in one run of a minute"
    )
    parser.add_argument("--json", action="store_true", help="every run as one JSON document")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(whole_number(1, 500), text.split(",")))


def _benchmark(namespace: argparse.Namespace) -> int:
    reports = Path(command.load(namespace).paths.reports_root)
    base = Path(namespace.data_root) if namespace.data_root else None
    if base is not None:
        base.mkdir(parents=True, exist_ok=True)
    if namespace.page:
        return _measure_page(base, as_json=namespace.json)
    tokens = namespace.tokens or (TOKENS[:1] if namespace.quick else TOKENS)
    writers = namespace.writers or (WRITERS[:1] if namespace.quick else WRITERS)
    if any(number % 2 for number in tokens):
        print("error: --tokens: a market has two tokens: give even numbers", file=sys.stderr)
        return EXIT_USAGE
    plan = QUICK if namespace.quick else THOROUGH
    repetitions = namespace.repetitions or (1 if namespace.quick else 3)
    runs: list[Measured] = []
    speeds: list[BookSpeed] = []
    with tempfile.TemporaryDirectory(prefix="orderbooks-benchmark-", dir=base) as name:
        both = not (namespace.tls or namespace.quick or namespace.tokens or namespace.writers)
        certificates = _certificates(Path(name)) if namespace.tls or both else (None, None)
        with _exchange(Path(name)) as urls:
            for _ in range(repetitions):
                setups = _setups(tokens, writers, tls=namespace.tls, both=both)
                runs += [_run(each, _field(urls, each.tokens, certificates), plan, base) for each in setups]
                recorded = _find(load_settings(environment=recorder_settings(urls, min(tokens))), min(tokens))
                speeds += _books(recorded, BOOKS_QUICK if namespace.quick else BOOKS, base)
    _tell(runs, speeds, reports, as_json=namespace.json)
    return EXIT_FAILED if any(run.wrongs for run in runs) else EXIT_DONE


def _measure_page(base: Path | None, *, as_json: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="orderbooks-benchmark-", dir=base) as name:
        cost = measure_page(Path(name), seconds=PAGE_SECONDS)
    if as_json:
        document = {**msgspec.to_builtins(cost), "ratio": cost.ratio, "machine": _machine()}
        print(msgspec.json.format(msgspec.json.encode(document), indent=1).decode())
    else:
        print("\n".join(page_report(cost)))
    return EXIT_DONE


def _setups(tokens: Sequence[int], writers: Sequence[int], *, tls: bool, both: bool) -> Iterator[Setup]:
    """In the order in which they are run; `both` adds TLS where there are the fewest tokens."""
    if both:
        yield Setup(min(tokens), "best", tls=True)
        yield Setup(min(tokens), "recorder", writers[0], tls=True)
    for number in tokens:
        yield Setup(number, "naive", tls=tls)
        yield Setup(number, "best", tls=tls)
        if not tls:
            yield Setup(number, "floor")
        for count in writers if number == min(tokens) else writers[:1]:
            yield Setup(number, "recorder", count, tls)


@contextmanager
def _exchange(folder: Path) -> Iterator[ExchangeUrls]:
    """Gamma and the REST side come from the embedded exchange; the messages do not: it would be the bottleneck."""
    options = SimulationOptions(rate=0, new_markets_per_second=0)
    with EmbeddedExchange(options, folder) as exchange:
        yield exchange.urls


def _field(urls: ExchangeUrls, tokens: int, certificates: tuple[Path | None, Path | None]) -> Field:
    """Made again for each run, as markets end: the recorder finds the same ones a moment later."""
    environment = recorder_settings(urls, tokens)
    settings = load_settings(environment=environment)
    found = _find(settings, tokens)
    _have_books_made(settings, found)
    now_ms = time.time_ns() // 1_000_000 + 1
    return Field(found, make_load(found, now_ms), environment, *certificates)


def _find(settings: Settings, tokens: int) -> Sequence[Token]:
    found = all_tokens(discover(settings, time.time_ns()).markets)
    if len(found) != tokens:
        raise RecorderError(f"the embedded exchange has {len(found)} tokens to subscribe, not {tokens}")
    return found


def _have_books_made(settings: Settings, tokens: Sequence[Token]) -> None:
    """The exchange makes each book when it is first asked for it, and they stay as they are.

    So they are older than the load, and no checkpoint can be taken for what the load should have come to.
    """
    with open_session() as session:
        for some in portions(tokens, settings.rest_checkpoint.max_tokens_per_request):
            url = settings.exchange.clob_url + BOOKS_PATH
            answer = fetch(session, "POST", url, body=books_body(some), timeout_s=10)
            if answer.status_code != 200:
                raise RecorderError(
                    f"{url}: the embedded exchange answered HTTP {answer.status_code}, not the books"
                )


def _certificates(folder: Path) -> tuple[Path, Path]:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    return folder / "server.pem", folder / "authority.pem"


def _run(setup: Setup, field: Field, plan: Plan, base: Path | None) -> Measured:
    print(f"{setup.tokens} tokens, {setup.words} ...", end=" ", file=sys.stderr, flush=True)
    measured = run_once(setup, field, plan, base)
    words = f"{measured.rate:,.0f} messages/s, {measured.cpu_us:,.1f} CPU us a message"
    print("; ".join((words, *measured.wrongs)), file=sys.stderr, flush=True)
    return measured


def _books(tokens: Sequence[Token], frames: int, base: Path | None) -> list[BookSpeed]:
    print("books from a recording ...", end=" ", file=sys.stderr, flush=True)
    load = make_load(tokens, time.time_ns() // 1_000_000, count=frames)
    with tempfile.TemporaryDirectory(prefix="orderbooks-benchmark-", dir=base) as name:
        speeds = compare_books(Path(name), tokens, load)
    words = (f"{each.way} {each.rate:,.0f}" for each in speeds)
    print(f"{', '.join(words)} events/s of one core", file=sys.stderr, flush=True)
    return speeds


def _tell(runs: Sequence[Measured], speeds: Sequence[BookSpeed], reports: Path, *, as_json: bool) -> None:
    machine = _machine()
    write_atomically(reports / PLOT, benchmark_picture(runs).encode())
    lines = (*report(machine, runs, plot=PLOT), *books_report(speeds), "")
    write_atomically(reports / REPORT, "\n".join(lines).encode())
    if as_json:
        document = {"machine": machine, "runs": runs, "books": speeds}
        print(msgspec.json.format(msgspec.json.encode(document), indent=1).decode())
        return
    for line in (*table(*short_table(runs)), "", *table(HEADER, speed_rows(speeds))):
        print(line)
    print(f"Report: {reports / REPORT}")


def _machine() -> str:
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    load = psutil.getloadavg()[0]
    return (
        f"{psutil.cpu_count()} cores of {model}, {psutil.virtual_memory().total >> 30} GiB,"
        f" Linux {platform.release()}, Python {platform.python_version()}, load average in the end {load:.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
