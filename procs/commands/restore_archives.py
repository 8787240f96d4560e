"""bin/restore-archives: fetches archives back from the remote and verifies them; without --output it is a drill."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.archive.verify.data_root import Verification, verify_data_root
from common.config import Settings
from common.core.option_types import instant_ns
from common.core.rows.names import hour_folder
from common.core.terminal.text import size_text
from common.errors import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, ArchiveError, ConfigError
from common.remote.rclone import Rclone
from common.runtime.command_line import command
from common.terminal.progress_bar import ProgressBar
from common.uploads.restoring import Restored, newest_whole_hour, restore

DESCRIPTION = """Fetches one hour of archives back from the remote into a scratch folder, verifies it, says in one line
what came of it, and removes the folder: a backup is worth what its last restore was. With --output what was fetched
stays. Where the data root of --data-root has upload records, each archive is compared with its record too."""
EXAMPLE = """bin/restore-archives --remote store:bucket/orderbooks
  bin/restore-archives --remote store:bucket/orderbooks --all --output restored"""


class Drill(msgspec.Struct, frozen=True):
    """What came of it, as --json prints it."""

    remote: str
    restored: Restored
    findings: list[str]
    rows: int
    seconds: float
    ok: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Restore; the exit code: 0 where all that was fetched is sound, 1 where not, 2 for wrong usage."""
    return command.run(partial(_act, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser("restore-archives", DESCRIPTION, EXAMPLE)
    parser.add_argument(
        "--remote", metavar="REMOTE", help="an rclone remote with a folder (default: from the settings)"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--hour",
        type=instant_ns,
        metavar="TIME",
        help="the hour with this time (default: the newest whole one)",
    )
    which.add_argument("--all", action="store_true", help="everything; needs --output")
    parser.add_argument("--output", type=Path, metavar="DIR", help="an empty folder, which stays")
    parser.add_argument("--json", action="store_true", help="what came of it, as one JSON document")
    return parser


def _act(namespace: argparse.Namespace) -> int:
    settings = command.load(namespace, {"upload": {"remote": namespace.remote}})
    if not settings.upload.remote:
        raise ConfigError("upload.remote: must name an rclone remote; set it, or give --remote")
    if namespace.all and namespace.output is None:
        print("error: --all needs --output, a folder with room for everything", file=sys.stderr)
        return EXIT_USAGE
    try:
        if namespace.output is not None:
            return _show(namespace, _drill(namespace, settings, namespace.output))
        with tempfile.TemporaryDirectory(prefix="orderbooks-restore-") as scratch:
            return _show(namespace, _drill(namespace, settings, Path(scratch)))
    except OSError as error:
        raise ArchiveError(
            f"{error.filename or namespace.output}: cannot be written ({error.strerror})"
        ) from error


def _drill(namespace: argparse.Namespace, settings: Settings, into: Path) -> Drill:
    began_s = time.monotonic()
    remote = Rclone(settings.upload.rclone, settings.upload.remote, environment=os.environ)
    if namespace.all:
        hour = ""
    else:
        hour = newest_whole_hour(remote) if namespace.hour is None else hour_folder(namespace.hour)
    records_of = Path(settings.paths.data_root)
    restored = restore(remote, hour, into, records_of if records_of.is_dir() else None)
    progress = ProgressBar(0, sys.stderr, what="rows read")
    found = verify_data_root(into, partial=not namespace.all, progress=progress.add)
    progress.end()
    return Drill(
        remote=settings.upload.remote,
        restored=restored,
        findings=_findings(found),
        rows=found.rows,
        seconds=round(time.monotonic() - began_s, 1),
        ok=not found.findings and not found.proves_nothing and not restored.unlike_records,
    )


def _findings(found: Verification) -> list[str]:
    return [f"{finding.where}: {finding.words}" for finding in found.findings]


def _show(namespace: argparse.Namespace, drill: Drill) -> int:
    if namespace.json:
        print(msgspec.json.format(msgspec.json.encode(drill), indent=1).decode())
        return EXIT_DONE if drill.ok else EXIT_FAILED
    restored = drill.restored
    for path in restored.unlike_records:
        print(f"{path}: is not what was uploaded, as the upload record here states it")
    for words in drill.findings:
        print(words)
    what = restored.hour or "everything"
    compared = (
        f", {restored.like_records:,} of them as upload records here state" if restored.like_records else ""
    )
    print(
        f"{'RESTORE_OK' if drill.ok else 'RESTORE_FAILED'} {what} of {drill.remote}: {restored.archives:,} archives"
        f" ({size_text(restored.bytes)}, {drill.rows:,} rows){compared}, {len(drill.findings)} findings,"
        f" in {drill.seconds:.1f} s"
    )
    return EXIT_DONE if drill.ok else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
