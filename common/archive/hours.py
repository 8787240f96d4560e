"""The archives of a data root by stream and window, and their rows."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from common.archive.journal import JournalLine
from common.archive.read import iterate_lines, iterate_open_lines
from common.archive.sidecar import Sidecar, read_sidecar
from common.core.ledger.later import Later
from common.core.rows.names import BOOK_STREAMS, lane_and_sequence, open_path, stream_of, window_start_of
from common.core.rows.order import Part
from common.core.rows.reading import Row, row_of
from common.core.rows.websocket import GAP, MESSAGE_RECORD
from common.errors import ArchiveError

Rows = Iterator[Row]
_MESSAGE = f'"record_type":"{MESSAGE_RECORD}"'.encode()


class HourArchive(msgspec.Struct, frozen=True):
    """A closed archive of the runtime, and its sidecar where that is there and readable."""

    path: Path
    stream: str
    window_start_ns: int
    sidecar: Sidecar | None


def hour_archive(path: Path) -> HourArchive | None:
    """What a closed archive is; None for a file that does not belong to the runtime."""
    window_start_ns = window_start_of(path.name)
    stream = stream_of(path.name)
    if window_start_ns is None or stream is None or lane_and_sequence(path.name) is None:
        return None
    try:
        sidecar = read_sidecar(path)
    except (OSError, msgspec.DecodeError):
        sidecar = None
    return HourArchive(path, stream, window_start_ns, sidecar)


def note_closed(later: Later, archive: HourArchive) -> None:
    """Add what the sidecar of a closed archive tells of books."""
    sidecar = archive.sidecar
    if sidecar is None or archive.stream not in BOOK_STREAMS:
        return
    producer = next(iter(sidecar.producers), "")
    sessions = [(each.producer, each.session_id) for each in sidecar.sessions]
    later.add(archive.window_start_ns, sessions, [(producer, gap) for gap in sidecar.gaps], sidecar.leg)


def note_open(later: Later, data_root: Path, line: JournalLine) -> None:
    """Add what is durable of books in the open archives of a lane. Raises ArchiveError if one is gone by now."""
    for file in line.files:
        window_start_ns = window_start_of(file.path.rpartition("/")[2])
        if window_start_ns is None or file.closing or file.stream not in BOOK_STREAMS:
            continue
        for text in iterate_open_lines(data_root / open_path(file.path), file.bytes):
            if _MESSAGE in text[:100]:
                continue
            row = row_of(text)
            gaps = [(row.producer, row.detail)] if row.record_type == GAP else []
            later.add(window_start_ns, [(row.producer, row.session_id or "")], gaps, row.leg)


def rows_of(path: Path, torn: Callable[[Path], None]) -> Rows:
    """The rows of an archive, up to where it is torn or holds a line that is not a row: `torn` is told so."""
    try:
        for line in iterate_lines(path):
            yield row_of(line)
    except ArchiveError:
        torn(path)


def part_of(archive: HourArchive, rows: Callable[[], Rows]) -> Part:
    """The archive as a part of its window, which is put in order with the others of it."""
    lane, first = lane_and_sequence(archive.path.name) or (0, 0)
    producer = archive.path.name.rpartition("_l")[0]
    return Part(archive.stream, producer, lane, first, archive.window_start_ns, rows)
