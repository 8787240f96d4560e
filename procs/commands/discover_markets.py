"""bin/discover-markets: asks once which markets to record and writes the discovery file."""

import argparse
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from common.config import Settings
from common.core.market import DiscoveryFile, all_tokens
from common.core.option_types import integer
from common.core.terminal.text import clean
from common.errors import EXIT_DONE, AlreadyRunningError
from common.polymarket.gamma.discover import discover
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from common.polymarket.gamma.search import Match, search
from common.runtime.command_line import command
from common.runtime.command_line.exchange_choice import (
    LIVE,
    SIMULATED,
    add_exchange_arguments,
    chosen_exchange,
)
from common.runtime.command_line.invocation import as_typed
from common.runtime.data_root import exchange_of_data_root, refuse_other_exchange
from common.runtime.data_root_lock import lock_data_root
from common.runtime.readers import admit_readers
from common.terminal.tables import table

MOST_MATCHES = 40  # of one kind
_OPTIONS = {"series": "--series", "tag": "--tag", "event": "--event", "market": "--market"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one discovery; the exit code. A failed one leaves the discovery file as it was."""
    namespace = build_parser().parse_args(arguments)
    return command.run(partial(_run, namespace))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser(
        "discover-markets",
        "Asks Polymarket which of the selected markets are open, and writes those to record to the discovery file.",
        "bin/discover-markets --market-limit 2\n  bin/discover-markets --search 'world cup'",
    )
    parser.add_argument(
        "--market-limit",
        type=integer,
        metavar="N",
        help="at most N markets, current windows first; 0: no limit",
    )
    parser.add_argument(
        "--search", metavar="TEXT", help="list what could be recorded and fits TEXT; writes nothing"
    )
    command.add_selection_arguments(parser)
    add_exchange_arguments(parser)
    return parser


def _run(namespace: argparse.Namespace) -> int:
    selection = {"market_limit": namespace.market_limit, **command.selection_options(namespace)}
    settings = command.load(namespace, {"discovery": selection})
    with chosen_exchange(namespace, settings) as chosen:
        if namespace.search is not None:
            lines = _search_lines(search(chosen, namespace.search, time.time_ns()))
        else:
            lines = _discovery_lines(namespace, settings, discover(chosen, time.time_ns()))
        for line in lines:
            print(as_typed(line))
    return EXIT_DONE


def _search_lines(matches: Sequence[Match]) -> Iterator[str]:
    if not matches:
        yield "Nothing open fits that. Try fewer or shorter words."
        return
    for kind, option in _OPTIONS.items():
        of_kind = [match for match in matches if match.kind == kind]
        for match in of_kind[:MOST_MATCHES]:
            yield f"{option} {shlex.quote(clean(match.name))}   {clean(match.title)}".rstrip()
        if len(of_kind) > MOST_MATCHES:
            yield f"  and {len(of_kind) - MOST_MATCHES} more of this kind: add a word to see them"
    yield ""
    yield "Give these options to bin/run-recorder, or write the names into the settings under `discovery`."


def _discovery_lines(
    namespace: argparse.Namespace, settings: Settings, found: DiscoveryFile
) -> Iterator[str]:
    data_root = Path(settings.paths.data_root)
    path = discovery_path(data_root, settings.discovery)
    admit_readers(settings.paths)
    refuse_other_exchange(data_root, exchange_of_data_root(data_root), found.exchange)
    yield from _found_lines(found)
    yield ""
    try:
        lock = lock_data_root(data_root)
    except AlreadyRunningError:
        yield f"A recorder runs on {data_root}: its discovery file is left alone, and what it records does not change."
        return
    try:
        write_discovery_file(path, found)
    finally:
        lock.release()
    yield f"Written to {path}"
    if found.markets:
        yield f"Next: {_next_command(namespace)}"
    else:
        yield "Nothing to record now: try again in a minute, or select more (bin/discover-markets --search TEXT)."


def _next_command(namespace: argparse.Namespace) -> str:
    words = ["bin/record-sample"]
    if namespace.exchange != LIVE:
        words += ["--exchange", namespace.exchange]
    if namespace.config is not None:
        words += ["--config", str(namespace.config)]
    if namespace.data_root is not None:
        words += ["--data-root", namespace.data_root]
    return shlex.join([*words, *command.selection_words(namespace)])


def _found_lines(found: DiscoveryFile) -> Iterator[str]:
    """What a user wants to know of a discovery."""
    which = " (the embedded exchange: simulated)" if found.exchange == SIMULATED else ""
    yield f"Asked {found.source}{which} at {found.discovered_at_utc}"
    yield ""
    yield f"Taken: {len(found.markets)} markets, {len(all_tokens(found.markets))} tokens"
    yield from _taken_table(found)
    left = Counter(candidate.reason for candidate in found.candidates if not candidate.taken)
    yield f"Left: {left.total()} markets"
    for reason, count in left.most_common():
        yield f"  {count:5}  {clean(reason)}"
    for warning in found.warnings:
        yield f"Warning: {clean(warning)}"
    for problem in found.problems:
        yield f"Problem: {problem.kind}: {clean(problem.reason)}"


def _taken_table(found: DiscoveryFile) -> Iterator[str]:
    reasons = {each.slug: each.reason for each in found.candidates if each.taken}
    rows = []
    for market in found.markets:
        window = f"{_readable(market.start_time_utc)} to {_readable(market.end_time_utc)}"
        outcomes = ", ".join(clean(token.outcome) for token in market.tokens)
        rows.append(
            (market.slug, window if market.end_time_utc else "", outcomes, reasons.get(market.slug, ""))
        )
    if rows:
        header = ("market", "window, UTC", "outcomes", "why")
        yield from (f"  {line}" for line in table(header, rows))


def _readable(utc: str) -> str:
    return utc[:19].replace("T", " ")


if __name__ == "__main__":
    sys.exit(main())
