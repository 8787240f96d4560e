"""Which legs and recordings there are among archives, and their rows as one stream."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path

from common.archive.identity import DamagedIdentityError, read_identity
from common.archive.merge import FoundPart, Span, find_parts, rows_in_order
from common.core.instants import NS_PER_SECOND
from common.core.merging.entries import Entries, Entry, of_one_leg
from common.core.merging.recording import of_legs, of_recordings
from common.core.rows.names import RUNTIME_FOLDER, SAMPLE_FOLDER
from common.core.rows.origin import LegChoice
from common.core.rows.reading import Row
from common.errors import ArchiveError

MARGIN_NS = 60 * NS_PER_SECOND  # read before and after a span: both copies of a message are seen, or none


class MergedRows(Iterator[Row]):
    """The union of several legs, row by row: of a message that two legs have, the row of the earlier receipt.

    `entries` gives the same as it is merged, with the rows of both legs; iterate over one of the two.
    """

    def __init__(self, entries: Iterator[Entry]) -> None:
        self.entries = entries

    def __next__(self) -> Row:
        for entry in self.entries:
            if entry.first_part:
                return entry.row
        raise StopIteration


def rows_of(
    archives: Mapping[Path, str], span: Span, leg: LegChoice, clock_error_ms: float | None
) -> Iterator[Row]:
    """The rows of one leg in recorded order where there is one only or one is chosen, else MergedRows.

    `archives` names the recording of each. Raises ArchiveError where archives are of two exchanges, torn or no
    archives, where a recording is given twice, or where clocks of several hosts are not known well enough.
    """
    wide = Span(max(span.since_ns - MARGIN_NS, 0), span.until_ns + MARGIN_NS)
    found = [part for part in find_parts(archives, wide) if leg in {"merged", part.leg}]
    recordings: dict[str, list[FoundPart]] = {}
    for part in found:
        recordings.setdefault(part.recording, []).append(part)
    if len(recordings) < 2 and len({part.leg for part in found}) < 2:
        return rows_in_order((part for part in found if _overlaps(part, span)), span)
    _refuse_copies(recordings)
    several = len(recordings) > 1
    entries = [
        _of_recording(recordings[name], wide, name, several=several, clock_error_ms=clock_error_ms)
        for name in sorted(recordings)
    ]
    return MergedRows(_within(reduce(of_recordings, entries), span))


def _of_recording(
    found: Sequence[FoundPart], span: Span, name: str, *, several: bool, clock_error_ms: float | None
) -> Iterator[Entry]:
    rows = rows_in_order(found, span)
    given = [part.clock_error_ms for part in found if part.clock_error_ms is not None]
    error_ms = clock_error_ms if clock_error_ms is not None or not given else max(given)
    entries = Entries(name, several=several, clock_error_ms=error_ms)
    return of_legs(rows, entries) if len({part.leg for part in found}) > 1 else of_one_leg(rows, entries)


def _within(entries: Iterable[Entry], span: Span) -> Iterator[Entry]:
    return (entry for entry in entries if span.since_ns <= entry.row.received_at_ns < span.until_ns)


def _overlaps(part: FoundPart, span: Span) -> bool:
    return part.last_ns >= span.since_ns and part.first_ns < span.until_ns


def _refuse_copies(recordings: Mapping[str, Sequence[FoundPart]]) -> None:
    """A recording merged with its copy would seem to have been received twice."""
    seen: dict[tuple[str, str], Path] = {}
    for found in recordings.values():
        for part in found:
            first = seen.setdefault((part.producer, part.path.name), part.path)
            if first != part.path:
                raise ArchiveError(f"{first} and {part.path}: the same recording is given twice")


def recording_of(path: Path) -> str:
    """What tells the recording at a path from others: the data root's identity, or where it lies without one.

    Empty for what is not a data root.
    """
    try:
        identity = read_identity(path) if path.is_dir() else None
    except DamagedIdentityError:
        identity = None
    if identity is not None:
        return identity.data_root_id
    is_root = any((path / folder).is_dir() for folder in (RUNTIME_FOLDER, SAMPLE_FOLDER))
    return str(path.resolve()) if is_root else ""
