"""bin/merge-recordings: puts the recordings of several hosts into one data root, which readers see as one stream."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.archive.merge_recordings import Merged, merge_recordings
from common.errors import EXIT_DONE, EXIT_USAGE, ArchiveError
from common.runtime.command_line import command
from common.runtime.command_line.invocation import as_typed
from common.terminal.progress_bar import ProgressBar

DESCRIPTION = """Makes one data root of the recordings of several hosts. Every archive is copied as it is, and its
sidecar names where it comes from. Commands that read it show one stream with each message once; nothing of any host is
left out. Refused are recordings of different exchanges, the same one given twice, and clocks less sure than 500 ms."""
EXAMPLE = "bin/merge-recordings /mnt/host-a /mnt/host-b --output /var/lib/orderbooks-merged"


def main(arguments: Sequence[str] | None = None) -> int:
    """Merge; the exit code."""
    return command.run(partial(_merge, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser("merge-recordings", DESCRIPTION, EXAMPLE)
    parser.add_argument("roots", nargs="+", type=Path, metavar="ROOT", help="the data root of each host")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the new data root")
    command.add_clock_error_argument(parser)
    parser.add_argument("--json", action="store_true", help="what came of it, as one JSON document")
    return parser


def _merge(namespace: argparse.Namespace) -> int:
    if len(namespace.roots) < 2:
        print("error: give the data roots of two hosts or more", file=sys.stderr)
        return EXIT_USAGE
    shown = ProgressBar(0, sys.stderr, what="rows")
    try:
        done = merge_recordings(
            namespace.roots,
            namespace.output,
            clock_error_ms=namespace.clock_error_ms,
            progress=shown.add,
        )
    except OSError as error:
        raise ArchiveError(f"{namespace.output}: cannot be written ({error.strerror})") from error
    finally:
        shown.end()
    if namespace.json:
        print(msgspec.json.format(msgspec.json.encode(done), indent=1).decode())
    else:
        _say(done, namespace.output)
    return EXIT_DONE


def _say(done: Merged, output: Path) -> None:
    print(f"{done.archives} archives, {done.bytes / 1e6:,.1f} MB")
    print(f"{done.messages:,} messages, {done.in_several:,} of them in more than one recording")
    for host, messages in done.only.items():
        print(f"  only {host} has {messages:,}")
    if done.doubtful:
        print(f"  {done.doubtful:,} are doubtful: they may be the same message, or two with the same bytes")
    print(as_typed(f"Next: bin/verify-archives --data-root {output}"))


if __name__ == "__main__":
    sys.exit(main())
