"""bin/upload-archives: one upload pass over closed archives, proved at the remote, cleaned up here if asked."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from common.config import Settings, UploadSettings
from common.core.terminal.text import size_text
from common.core.uploads.judgement import UploadEvent
from common.errors import EXIT_DONE, EXIT_FAILED, AlreadyRunningError, ArchiveError, ConfigError
from common.locks import FileLock
from common.remote.rclone import Rclone
from common.runtime.command_line import command
from common.runtime.readers import admit_readers
from common.uploads.lock import retention_of, take_uploads
from common.uploads.passes import Uploads
from common.uploads.stock import Stock

if TYPE_CHECKING:
    from common.terminal.live_line import LiveLine

NICENESS = 10
PATIENCE_S = 15.0  # what a killed uploader had started ends within some seconds
RETRY_S = 0.2


class Outcome(msgspec.Struct, frozen=True):
    """What a pass came to. Paths are below the data root; `kept` are proved, and needed here still."""

    remote: str
    verified: list[str]
    verified_bytes: int
    cleaned: list[str]
    kept: list[str]
    waiting: list[str]
    failures: list[str]
    alarms: list[str]


class Planned(msgspec.Struct, frozen=True):
    """What a pass would do."""

    remote: str
    upload: list[str]
    upload_bytes: int
    clean: list[str]
    alarms: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Upload; the exit code: 0 where all is proved, 1 where something is not, 78 for a refused configuration."""
    return command.run(partial(_upload, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser(
        "upload-archives",
        "Uploads closed archives and ledgers, and proves each by reading it back from the remote.",
        "bin/upload-archives --data-root data --remote store:bucket/orderbooks --cleanup-after-verify",
    )
    parser.add_argument(
        "--remote", metavar="REMOTE", help="an rclone remote with a folder, as store:bucket/prefix"
    )
    parser.add_argument(
        "--cleanup-after-verify", action="store_true", help="delete each archive here once it is proved there"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what would be done; no network is used"
    )
    parser.add_argument("--json", action="store_true", help="what was done, as one JSON document")
    return parser


def _upload(namespace: argparse.Namespace) -> int:
    options = {"remote": namespace.remote, "cleanup_after_verify": namespace.cleanup_after_verify or None}
    settings = command.load(namespace, {"upload": options})
    data_root = Path(settings.paths.data_root).absolute()
    if not data_root.is_dir():
        raise ArchiveError(f"{data_root}: there is no such folder; choose another --data-root")
    if not settings.upload.remote:
        raise ConfigError("upload.remote: must name an rclone remote; set it, or give --remote")
    if namespace.dry_run:
        return _show(namespace, _plan(data_root, settings))
    admit_readers(settings.paths)
    return _show(namespace, _pass(data_root, settings, _Telling(quiet=namespace.json)))


def _plan(data_root: Path, settings: Settings) -> Planned:
    upload = settings.upload
    stock = Stock(data_root, upload.remote, upload.verify)
    stock.look()
    go: Mapping[str, str] = {}
    if upload.verify == "read_back":
        go = stock.to_go(retention_of(settings), clean_up=upload.cleanup_after_verify)
    return Planned(
        remote=upload.remote,
        upload=list(stock.waiting),
        upload_bytes=sum(parcel.bytes for parcel in stock.waiting.values()),
        clean=list(go),
        alarms=[f"{path}: {words}" for path, words in sorted(stock.odd.items())],
    )


def _pass(data_root: Path, settings: Settings, telling: "_Telling") -> Outcome:
    upload = settings.upload
    os.nice(NICENESS)
    lock, remote = _take_patiently(data_root, upload)
    try:
        uploads = Uploads(
            data_root,
            remote,
            verify=upload.verify,
            clean_up=upload.cleanup_after_verify,
            retention=retention_of(settings),
            tell=telling.note,
        )
        uploads.run_pass()
    finally:
        lock.release()
        telling.end()
    cleaned = telling.paths("cleaned")
    kept = set(uploads.stock.proved) if upload.cleanup_after_verify else set()
    return Outcome(
        remote=upload.remote,
        verified=telling.paths("verified"),
        verified_bytes=sum(event.bytes for event in telling.events if event.kind == "verified"),
        cleaned=cleaned,
        kept=sorted(path for path in kept if not path.endswith(".ledger.json")),
        waiting=list(uploads.stock.waiting),
        failures=[event.words for event in telling.events if event.kind in {"failed", "away"}],
        alarms=[event.words for event in telling.events if event.kind == "alarm"],
    )


def _take_patiently(data_root: Path, upload: UploadSettings) -> tuple[FileLock, Rclone]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return take_uploads(data_root, upload)
        except AlreadyRunningError:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_S)


class _Telling:
    """Collects events; on a terminal one line shows how far it is."""

    def __init__(self, *, quiet: bool) -> None:
        self.events: list[UploadEvent] = []
        self._live = _live_line() if sys.stderr.isatty() and not quiet else None
        self._counts = Counter[str]()
        self._bytes = 0

    def note(self, event: UploadEvent) -> None:
        self.events.append(event)
        self._counts[event.kind] += 1
        self._bytes += event.bytes
        if self._live is not None:
            done = f"{self._counts['verified']:,} proved, {size_text(self._bytes)}"
            self._live.show(0, f"{done}, {self._counts['cleaned']:,} cleaned")

    def end(self) -> None:
        if self._live is not None:
            self._live.end()

    def paths(self, kind: str) -> list[str]:
        return [event.path for event in self.events if event.kind == kind]


def _live_line() -> "LiveLine":
    from common.terminal.live_line import LiveLine  # noqa: PLC0415 - rich is only for terminals

    return LiveLine(sys.stderr, 0, keep=False)


def _show(namespace: argparse.Namespace, done: Planned | Outcome) -> int:
    if namespace.json:
        print(msgspec.json.format(msgspec.json.encode(done), indent=1).decode())
    elif isinstance(done, Planned):
        _tell_plan(done)
    else:
        _tell_outcome(done)
    if isinstance(done, Planned):
        return EXIT_FAILED if done.alarms else EXIT_DONE
    return EXIT_FAILED if done.alarms or done.failures or done.waiting else EXIT_DONE


def _tell_plan(planned: Planned) -> None:
    for words in planned.alarms:
        print(f"ALARM {words}")
    for path in planned.upload:
        print(f"upload {path}")
    for path in planned.clean:
        print(f"clean {path}")
    print(
        f"{len(planned.upload):,} to upload to {planned.remote} ({size_text(planned.upload_bytes)}),"
        f" {len(planned.clean):,} to clean; nothing was done."
    )


def _tell_outcome(done: Outcome) -> None:
    for words in done.alarms:
        print(f"ALARM {words}")
    for words in done.failures:
        print(f"failed: {words}")
    print(
        f"{len(done.verified):,} uploaded to {done.remote} and proved ({size_text(done.verified_bytes)}),"
        f" {len(done.cleaned):,} cleaned, {len(done.waiting):,} still wait."
    )
    if done.kept:
        print(
            f"{len(done.kept):,} are proved and stay: a running recorder needs them, or cleaning is not allowed."
        )


if __name__ == "__main__":
    sys.exit(main())
