"""bin/discover-markets: asks once which markets to record and writes the discovery file."""

import argparse
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from common.core.market import DiscoveryFile, all_tokens
from common.errors import EXIT_DONE
from common.polymarket.discover import discover
from common.polymarket.discovery_file import discovery_path, write_discovery_file
from common.runtime import command
from common.runtime.data_root import exchange_of_data_root, refuse_other_exchange
from common.runtime.exchange_choice import LIVE, SIMULATED, add_exchange_arguments, chosen_exchange


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one discovery; the exit code. A failed one leaves the discovery file as it was."""
    namespace = _parser().parse_args(arguments)
    return command.run(partial(_discover, namespace))


def _parser() -> argparse.ArgumentParser:
    parser = command.parser(
        "discover-markets",
        "Asks Polymarket which BTC markets are open, and writes those to record to the discovery file.",
        "bin/discover-markets --market-limit 2",
    )
    parser.add_argument(
        "--market-limit", type=int, metavar="N", help="at most N markets, current windows first; 0: no limit"
    )
    add_exchange_arguments(parser)
    return parser


def _discover(namespace: argparse.Namespace) -> int:
    settings = command.load(namespace, {"discovery": {"market_limit": namespace.market_limit}})
    path = discovery_path(Path(settings.paths.data_root))
    with chosen_exchange(namespace, settings) as chosen:
        found = discover(chosen, time.time_ns())
    data_root = Path(settings.paths.data_root)
    refuse_other_exchange(data_root, exchange_of_data_root(data_root), found.exchange)
    write_discovery_file(path, found)
    for line in _lines(found, path, _next_command(namespace)):
        print(line)
    return EXIT_DONE


def _next_command(namespace: argparse.Namespace) -> str:
    words = ["bin/record-sample"]
    if namespace.exchange != LIVE:
        words += ["--exchange", namespace.exchange]
    if namespace.config is not None:
        words += ["--config", str(namespace.config)]
    if namespace.data_root is not None:
        words += ["--data-root", namespace.data_root]
    return shlex.join(words)


def _lines(found: DiscoveryFile, path: Path, next_command: str) -> Iterator[str]:
    """What a user wants to know of a discovery."""
    which = " (the embedded exchange: simulated)" if found.exchange == SIMULATED else ""
    yield f"Asked {found.source}{which} at {found.discovered_at_utc}"
    yield ""
    yield f"Taken: {len(found.markets)} markets, {len(all_tokens(found.markets))} tokens"
    yield from _taken_table(found)
    left = Counter(candidate.reason for candidate in found.candidates if not candidate.taken)
    yield f"Left: {left.total()} markets"
    for reason, count in left.most_common():
        yield f"  {count:5}  {reason}"
    for warning in found.warnings:
        yield f"Warning: {warning}"
    yield ""
    yield f"Written to {path}"
    if found.markets:
        yield f"Next: {next_command}"
    else:
        yield "Nothing to record now: try again in a minute, or widen discovery.series or lookahead_seconds."


def _taken_table(found: DiscoveryFile) -> Iterator[str]:
    reasons = {each.condition_id: each.reason for each in found.candidates if each.taken}
    rows = [("market", "window, UTC", "outcomes", "why")]
    for market in found.markets:
        window = f"{_readable(market.start_time_utc)} to {_readable(market.end_time_utc)}"
        outcomes = ", ".join(token.outcome for token in market.tokens)
        rows.append((market.slug, window, outcomes, reasons.get(market.condition_id, "")))
    if len(rows) == 1:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _readable(utc: str) -> str:
    return utc[:19].replace("T", " ")


if __name__ == "__main__":
    sys.exit(main())
