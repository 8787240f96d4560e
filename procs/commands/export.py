"""bin/export: writes a recording in the format that a reader of it uses, hour by hour."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from common.archive.formats import own_tables
from common.archive.formats.once import HourDone, HourWanted
from common.archive.formats.run import NAMES, Shard, default_gaps, export_hours, hours_of
from common.archive.formats.sources import HOUR_NS, Sources
from common.core.formats.moments import GAPS
from common.core.instants import parse_utc_ns
from common.core.option_types import whole_number
from common.errors import EXIT_DONE, ArchiveError
from common.runtime.command_line import command
from common.terminal.progress_bar import ProgressBar

DESCRIPTION = """Replays closed archives and writes books and trades in the format of another project, one UTC hour at
a time. Hours are independent: they can be made in any order, by several jobs, and give the same bytes. An hour that
is there already is left alone, so that an export that was stopped goes on. Beside the data, about/<hour>.json says
what each file holds and does not hold. Two legs, and several data roots, are merged."""
EXAMPLE = """bin/export --format pmxt --data-root /var/lib/orderbooks --output /tmp/pmxt
  bin/export --format tardis restored/ --output tardis --hour 2026-11-23T12 --gaps split
  bin/export --format pmxt --output /mnt/pmxt --shard 2/8"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Export; the exit code."""
    return command.run(partial(_export, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser("export", DESCRIPTION, EXAMPLE, several_data_roots=True)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="only these archives or folders")
    parser.add_argument("--format", required=True, choices=NAMES, help="whose files to write")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the files go")
    parser.add_argument(
        "--gaps",
        choices=GAPS,
        help="where a book is lost: begin another file, or empty the book in this one (default: as the format does)",
    )
    parser.add_argument(
        "--hour",
        action="append",
        type=_hour_ns,
        metavar="HOUR",
        help="only this UTC hour, as 2026-11-23T12; may be repeated",
    )
    parser.add_argument(
        "--shard", type=_shard, default=Shard(), metavar="I/N", help="every Nth hour, from the Ith on"
    )
    command.add_stretch_arguments(
        parser, since="from this time's hour on", until="no hour that begins at this time or later"
    )
    parser.add_argument(
        "--jobs",
        type=whole_number(1),
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="hours at the same time (default: one a core)",
    )
    command.add_leg_arguments(parser)
    parser.add_argument("--replace", action="store_true", help="replace hours that were exported before")
    return parser


def _hour_ns(text: str) -> int:
    try:
        at_ns = parse_utc_ns(text)
    except ValueError:
        at_ns = 1
    if at_ns % HOUR_NS:
        raise argparse.ArgumentTypeError(f"must be a UTC hour such as 2026-11-23T12, not {text!r}")
    return at_ns


def _shard(text: str) -> Shard:
    number, _, of = text.partition("/")
    if not (number.isascii() and number.isdigit() and of.isascii() and of.isdigit()):
        raise argparse.ArgumentTypeError(f"must be a part such as 1/4, not {text!r}")
    if not 1 <= int(number) <= int(of):
        raise argparse.ArgumentTypeError(f"must be from 1/{of} to {of}/{of}, not {text!r}")
    return Shard(int(number), int(of))


def _export(namespace: argparse.Namespace) -> int:
    if namespace.format == own_tables.NAME and namespace.gaps == "split":
        raise ArchiveError("tables of our own state gaps in rows: --gaps split is for the other formats")
    sources = Sources(namespace.paths or command.data_roots(namespace))
    hours = hours_of(sources, namespace.since, namespace.until, namespace.shard)
    if namespace.hour:
        hours = [hour for hour in hours if hour in namespace.hour]
    wanted = [
        HourWanted(
            hour,
            namespace.gaps or default_gaps(namespace.format),
            tuple(namespace.market),
            namespace.leg,
            namespace.clock_error_ms,
            namespace.replace,
        )
        for hour in hours
    ]
    if not wanted:
        raise ArchiveError("none of these hours is recorded")
    shown = ProgressBar(sum(map(sources.rows, hours)), sys.stderr, what="rows")
    report = _Report()
    try:
        export_hours(
            sources,
            namespace.output,
            namespace.format,
            wanted,
            jobs=namespace.jobs,
            done=lambda hour: shown.add(report.add(hour)),
        )
    except OSError as error:
        raise ArchiveError(f"{namespace.output}: cannot be written ({error.strerror})") from error
    finally:
        shown.end()
    report.say(namespace.output, shown.elapsed_s)
    return EXIT_DONE


class _Report:
    """Adds up what came of an export."""

    def __init__(self) -> None:
        self._made = self._kept = self._files = self._rows = self._bytes = self._trades = self._gaps = 0

    def add(self, hour: HourDone) -> int:
        """Add an hour; the rows that were read for it."""
        account = hour.account
        self._made += hour.made
        self._kept += not hour.made
        self._files += len(account.files)
        self._rows += sum(file.rows for file in account.files)
        self._bytes += sum(file.bytes for file in account.files)
        self._trades += sum(token.trades for token in account.tokens)
        self._gaps += sum(bool(each.ended) for token in account.tokens for each in token.stretches)
        return account.rows_read

    def say(self, output: Path, elapsed_s: float) -> None:
        """Print the sums."""
        before = f", {self._kept} of them before" if self._kept else ""
        print(f"{self._made + self._kept} hours{before}: {self._rows:,} rows, {self._trades:,} trades")
        print(f"{self._files} files, {self._bytes / 1e6:,.1f} MB, in {elapsed_s:.1f} s")
        if self._gaps:
            print(f"{self._gaps:,} times a token's book ended or was lost: see {output}/about")


if __name__ == "__main__":
    sys.exit(main())
