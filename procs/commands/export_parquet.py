"""bin/export-parquet: writes the events, best prices and books of a recording as typed Parquet tables."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from common.archive.views.export import Exported, Wanted, export, rows_in
from common.core.option_types import whole_number
from common.core.suggestion import suggestion
from common.core.views.export_columns import TABLES, Table
from common.errors import EXIT_DONE, ArchiveError
from common.runtime.command_line import command
from common.terminal.progress_bar import ProgressBar

DESCRIPTION = """Replays closed archives and writes what they hold as Parquet, in hive partitions dt=/hour= of the
receive time: events (a row for each level that changed), top_of_book (a row for each change of the best prices) and
depth (the whole book after each event). No file has its name before all are written. Two legs, and several data roots,
are merged: each message once, in the order of sending."""
EXAMPLE = """bin/export-parquet --data-root /var/lib/orderbooks --output /tmp/tables
  bin/export-parquet restored/ --output tables --tables top_of_book --since 2026-11-23T12:00:00Z"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Export; the exit code."""
    return command.run(partial(_export, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser("export-parquet", DESCRIPTION, EXAMPLE, several_data_roots=True)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="only these archives or folders")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the tables go")
    parser.add_argument(
        "--tables",
        type=_tables,
        default=TABLES,
        metavar="NAMES",
        help=f"some of {','.join(TABLES)} (default: all)",
    )
    command.add_stretch_arguments(
        parser, since="from this time (UTC) on", until="up to before this time (UTC)"
    )
    parser.add_argument(
        "--depth",
        type=whole_number(1),
        default=0,
        metavar="N",
        help="this many levels a side in depth (default: all)",
    )
    command.add_leg_arguments(parser)
    parser.add_argument("--replace", action="store_true", help="replace hours that were exported before")
    return parser


def _tables(text: str) -> tuple[Table, ...]:
    names = text.split(",")
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no table {unknown[0]!r}{suggestion(unknown[0], TABLES)}")
    return tuple(table for table in TABLES if table in names)


def _export(namespace: argparse.Namespace) -> int:
    paths = namespace.paths or command.data_roots(namespace)
    wanted = Wanted(
        tables=namespace.tables,
        since_ns=namespace.since,
        until_ns=namespace.until,
        markets=tuple(namespace.market),
        depth_levels=namespace.depth,
    )
    shown = ProgressBar(rows_in(paths, wanted), sys.stderr, what="rows")
    try:
        done = export(
            paths,
            namespace.output,
            wanted,
            replace=namespace.replace,
            leg=namespace.leg,
            clock_error_ms=namespace.clock_error_ms,
            progress=shown.add,
        )
    except OSError as error:
        raise ArchiveError(f"{namespace.output}: cannot be written ({error.strerror})") from error
    finally:
        shown.end()
    _say(done, shown.elapsed_s)
    return EXIT_DONE


def _say(done: Exported, elapsed_s: float) -> None:
    for table, rows in done.rows.items():
        print(f"{table}: {rows:,} rows")
    if done.unusable_events:
        print(f"{done.unusable_events:,} events cannot be read: they are in the table left_out only")
    print(f"{len(done.files)} files, {done.bytes / 1e6:,.1f} MB, in {elapsed_s:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
