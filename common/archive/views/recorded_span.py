"""From when to when something was recorded, and the refusal of an instant outside of it."""

from collections.abc import Iterable
from pathlib import Path

from common.archive.merge import Span, find_parts
from common.archive.replay import archives_of
from common.archive.upload_records import read_record, sidecars_away
from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.rows.origin import LegChoice
from common.errors import ArchiveError

_ALL_TIME = Span(0, 1 << 63)
TOLERANCE_NS = 2 * NS_PER_SECOND  # after the last row a book is still as it was


def recorded_span(paths: Iterable[Path], leg: LegChoice = "merged") -> Span | None:
    """The receive times of the first and the last row of the websocket archives there; None without archives."""
    parts = find_parts(dict.fromkeys(archives_of(paths), ""), _ALL_TIME)
    of_leg = [part for part in parts if leg in {"merged", part.leg}]
    if not of_leg:
        return None
    return Span(min(part.first_ns for part in of_leg), max(part.last_ns for part in of_leg))


def refuse_outside(paths: Iterable[Path], at_ns: int, leg: LegChoice = "merged") -> None:
    """Raises ArchiveError where nothing was recorded around the instant because it is too early or too late."""
    span = recorded_span(paths, leg)
    if span is None:
        raise ArchiveError(f"{', '.join(map(str, paths))}: there is no closed archive of the websocket here")
    if not span.since_ns <= at_ns <= span.until_ns + TOLERANCE_NS:
        raise ArchiveError(
            f"{utc_text(at_ns)} is outside of what was recorded: the closed archives here reach from"
            f" {utc_text(span.since_ns)} to {utc_text(span.until_ns)}{_left_words(paths, at_ns)}"
        )


def _left_words(paths: Iterable[Path], at_ns: int) -> str:
    """Where archives of that time went, if they were here once."""
    for root in paths:
        for path, sidecar in sidecars_away(root).items():
            first, last = sidecar.first_received_at_utc, sidecar.last_received_at_utc
            if parse_utc_ns(first) <= at_ns <= parse_utc_ns(last):
                record = read_record(root, path.relative_to(root).as_posix())
                where = f"restore it from {record.remote}" if record and record.remote else "no remote has it"
                return f"; {path.name} was here and was deleted: {where}"
    return ""
