"""bin/windows: lists the windows of a recording with strike, settlement, winner, and how well they are recorded."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.archive.windows import WindowFacts, windows
from common.core.instants import utc_text
from common.core.resolution.columns import COLUMNS, row_of
from common.errors import EXIT_DONE, EXIT_FAILED, ArchiveError
from common.runtime.command_line import command
from common.runtime.command_line.invocation import DISTRIBUTION, as_typed
from common.terminal.tables import table

DESCRIPTION = """Reads closed archives and ledgers, and lists every window of theirs that has ended: its strike, the
price that settled it, the winner as the exchange told it and as the recorded prices give it, trades, messages, coverage
and condition. Sources that disagree on a winner, or a winner that the prices do not give, are findings: exit code 1."""
EXAMPLE = """bin/windows --data-root /var/lib/orderbooks --since 2026-11-23T12:00:00Z
  bin/windows --json | jq '.windows[] | select(.winner == "")'
  bin/windows --parquet windows.parquet"""
HEADER = (
    "window",
    "ends, UTC",
    "strike",
    "settled at",
    "told",
    "recomputed",
    "trades",
    "messages",
    "covered",
    "condition",
)
NOT_KNOWN = "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """List them; the exit code: 0 nothing contradicts, 1 on a finding and where no window is known, 2 wrong usage."""
    return command.run(partial(_list, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser("windows", DESCRIPTION, EXAMPLE, several_data_roots=True)
    command.add_stretch_arguments(
        parser,
        since="windows that end at this time (UTC) or later",
        until="windows that end before this time (UTC)",
    )
    parser.add_argument(
        "--no-trades",
        action="store_true",
        help="do not read the websocket's archives, which is most of the work: no trades, no announced outcomes",
    )
    parser.add_argument("--json", action="store_true", help="everything known, as one JSON document")
    parser.add_argument("--parquet", type=Path, metavar="FILE", help="write a table of them as well")
    return parser


def _list(namespace: argparse.Namespace) -> int:
    found = windows(
        command.data_roots(namespace),
        since=namespace.since,
        until=namespace.until,
        trades=not namespace.no_trades,
    )
    wanted = [
        each
        for each in found
        if (not namespace.market or each.market_slug in namespace.market) and _has_ended(each)
    ]
    if namespace.parquet is not None and wanted:
        _write(namespace.parquet, wanted)
    if namespace.json:
        print(msgspec.json.format(msgspec.json.encode(_document(wanted)), indent=1).decode())
    else:
        for line in _lines(wanted):
            print(as_typed(line))
    return EXIT_FAILED if not wanted or any(each.findings for each in wanted) else EXIT_DONE


def _has_ended(window: WindowFacts) -> bool:
    """Windows to come are recorded before they open; of those there is nothing to tell."""
    return bool(window.told or window.recomputed) or window.end_ns <= time.time_ns()


def _document(found: Sequence[WindowFacts]) -> dict[str, object]:
    return {
        "windows": [
            {
                **msgspec.structs.asdict(each),
                "start_utc": utc_text(each.start_ns),
                "end_utc": utc_text(each.end_ns),
            }
            for each in found
        ],
        "findings": sum(len(each.findings) for each in found),
    }


def _lines(found: Sequence[WindowFacts]) -> Iterator[str]:
    if not found:
        yield "no window is known here: choose another --data-root or another time"
        return
    for each in found:
        for finding in each.findings:
            yield f"{each.market_slug}: {finding}"
    if any(each.exchange == "simulated" for each in found):
        yield "note: this is simulated data: it was recorded from the embedded exchange"
    yield from table(HEADER, [_cells(each) for each in found])
    reasons = Counter(each.not_recomputed for each in found if each.not_recomputed)
    for reason, count in reasons.most_common():
        yield f"note: of {count:,} windows the winner was not recomputed: {reason}"
    known = sum(bool(each.winner) for each in found)
    recomputed = sum(bool(each.recomputed) for each in found)
    yield (
        f"{len(found):,} windows, {known:,} with a winner, {recomputed:,} recomputed,"
        f" {sum(len(each.findings) for each in found)} findings"
    )


def _cells(window: WindowFacts) -> tuple[str, ...]:
    told = window.winner or " / ".join(sorted(set(window.told.values()))) or NOT_KNOWN
    return (
        window.market_slug,
        utc_text(window.end_ns)[:19].replace("T", " "),
        window.strike or NOT_KNOWN,
        window.final or NOT_KNOWN,
        f"{told} (corrected)" if window.corrected else told,
        window.recomputed or NOT_KNOWN,
        NOT_KNOWN if window.trades is None else f"{window.trades:,}",
        NOT_KNOWN if window.messages is None else f"{window.messages:,}",
        NOT_KNOWN if window.coverage is None else f"{window.coverage:.2%}",
        window.condition or NOT_KNOWN,
    )


def _write(path: Path, found: Sequence[WindowFacts]) -> None:
    try:
        from common.archive.views.parquet_file import ParquetFile  # noqa: PLC0415 - only --parquet needs the extra
    except ImportError as error:
        raise ArchiveError(
            f"--parquet needs pyarrow: install {DISTRIBUTION} with its extra parquet, as in: pip install '.[parquet]'"
        ) from error
    hidden = path.with_name(f".{path.name}.open")
    try:
        file = ParquetFile(hidden, COLUMNS)
        file.write([row_of(each) for each in found])
        file.close()
        hidden.replace(path)
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be written ({error.strerror})") from error


if __name__ == "__main__":
    sys.exit(main())
