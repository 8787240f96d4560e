"""bin/recover-archives: makes closed archives of what a crash or a copied disk left open."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.archive.salvage.data_root import Recovered, recover_data_root
from common.errors import EXIT_DONE, ArchiveError
from common.runtime.command_line import command
from common.runtime.command_line.invocation import as_typed
from common.runtime.readers import admit_readers


def main(arguments: Sequence[str] | None = None) -> int:
    """Recover; the exit code: 0 done, 1 where a recorder is running or the disk does not let us."""
    return command.run(partial(_recover, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser(
        "recover-archives",
        "Makes closed archives, with all whole rows, of what a crash or a copied disk left open."
        " The recorder recovers what its journals know by itself when it starts.",
        "bin/recover-archives --data-root /mnt/copied-disk --dry-run",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    parser.add_argument("--json", action="store_true", help="what was done, as one JSON document")
    return parser


def _recover(namespace: argparse.Namespace) -> int:
    paths = command.load(namespace).paths
    data_root = Path(paths.data_root)
    if not data_root.is_dir():
        raise ArchiveError(f"{data_root}: there is no such folder; choose another --data-root")
    admit_readers(paths)
    done = recover_data_root(data_root, dry_run=namespace.dry_run)
    if namespace.json:
        print(msgspec.json.format(msgspec.json.encode(done), indent=1).decode())
        return EXIT_DONE
    for each in done:
        _tell(each)
    if not done:
        print("Nothing was left open.")
    elif namespace.dry_run:
        print(f"{len(done)} to recover; nothing was changed.")
    else:
        print(as_typed(f"{len(done)} recovered. Next: bin/verify-archives --data-root {data_root}"))
    return EXIT_DONE


def _tell(each: Recovered) -> None:
    print(f"{each.file}: {each.rows_kept:,} rows kept, {each.bytes_cut:,} bytes cut: {each.words}")
    if each.archive:
        print(f"  -> {each.archive}")


if __name__ == "__main__":
    sys.exit(main())
