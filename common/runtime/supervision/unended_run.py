"""A run that never ended in order: a power cut or a reboot takes its outboxes, and nobody is left to say so.

A mark on disk says that a run is under way; the next run finds it, and its readers declare the time since their newest
row on disk as a gap, where no outbox of theirs tells more.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from common.archive.journal import read_journals
from common.core.instants import utc_text
from common.core.rows.origin import LEGS
from common.errors import ArchiveError, ConfigError
from common.files import DISK, write_atomically
from common.queue.outbox_files import Outage
from common.runtime.process import Runtime

READER = "ws_reader"
MARK = "journal/unended-run.json"

log = logging.getLogger(__name__)


class UnendedRun(msgspec.Struct, frozen=True):
    """The run that is under way, or whose machine stopped under it."""

    run_id: str
    started_at_ns: int


def begin_run(data_root: Path, run: UnendedRun) -> int | None:
    """Write the mark durably; gives when a run began that never ended in order, None where the last one did.

    Raises ArchiveError.
    """
    path = data_root / MARK
    before = _read(path)
    try:
        write_atomically(path, msgspec.json.encode(run))
    except OSError as error:
        raise ArchiveError(
            f"{path}: cannot be written ({error.strerror}); make {data_root} writable"
        ) from error
    if before is None:
        return None
    shown = {"run": before.run_id, "started_at_utc": utc_text(before.started_at_ns)}
    log.warning("an earlier run never ended in order", extra=shown)
    return before.started_at_ns


def end_run(data_root: Path) -> None:
    """The run has ended in order, and everything that it received is in archives."""
    with suppress(OSError):  # the next run then declares a gap that was none
        DISK.remove(data_root / MARK)
        DISK.sync_folder((data_root / MARK).parent)


def _read(path: Path) -> UnendedRun | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=UnendedRun)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return UnendedRun("unknown", 0)  # the journals say since when nothing was recorded


def outage_before(runtime: Runtime) -> Outage | None:
    """The outage before the life of a reader that finds no outbox of its own; None where there was none.

    An earlier life left one, unless it ended in order, the machine stopped, or somebody removed it.
    """
    newest_ns = _newest_row_ns(runtime.data_root, [f"{runtime.name}-"])
    is_reader = runtime.name.startswith(READER)
    if not newest_ns and is_reader:  # the run before may have had another number of legs
        one = f"{READER}-{runtime.index}"
        newest_ns = _newest_row_ns(runtime.data_root, [f"{one}-", *(f"{one}{leg}-" for leg in LEGS)])
    assignment = runtime.assignment
    since_ns = assignment.unended_since_ns
    if since_ns is not None and (newest_ns > since_ns or (is_reader and runtime.index == 0)):
        return Outage(max(newest_ns, since_ns), "machine_stopped") if newest_ns or since_ns else None
    if newest_ns > assignment.started_at_ns:
        return Outage(newest_ns, "reader_died")
    return None


def _newest_row_ns(data_root: Path, prefixes: Sequence[str]) -> int:
    try:
        journals = read_journals(data_root)
    except (OSError, ConfigError):
        return 0  # the writer says what is wrong with them
    marks = (mark for line in journals.values() for mark in line.marks.items())
    return max((mark.at_ns for producer, mark in marks if producer.startswith(tuple(prefixes))), default=0)
