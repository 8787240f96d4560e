"""From archives to books: the rows of a recording in order, and the books after every event.

from pathlib import Path
from common.archive.replay import read_archive
from common.archive.replay import replay

for step in replay(read_archive(Path("data"))):
    for token_id in step.token_ids:
        book = step.books.get(token_id)
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from common.archive.legs import MergedRows, recording_of, rows_of
from common.archive.merge import Span
from common.archive.merged_replay import MergedReplay
from common.archive.step import NOT_KNOWN, Step
from common.core.books.connection import Books
from common.core.books.continuity import Break, Continuity
from common.core.events.market_events import Unusable
from common.core.events.reader import read_events
from common.core.instants import parse_utc_ns
from common.core.rows.names import ARCHIVE_SUFFIX, WS_RAW
from common.core.rows.origin import LegChoice
from common.core.rows.reading import Row
from common.core.rows.websocket import MESSAGE_RECORD
from common.errors import ArchiveError

__all__ = ["Replay", "Row", "Step", "archives_of", "read_archive", "replay"]

Instant = int | str  # nanoseconds since 1970, or ISO 8601
_END_OF_TIME_NS = 1 << 63


def read_archive(
    paths: Path | Iterable[Path],
    *,
    stream: str | None = WS_RAW,
    since: Instant | None = None,
    until: Instant | None = None,
    leg: LegChoice = "merged",
    clock_error_ms: float | None = None,
) -> Iterator[Row]:
    """The rows of closed archives in the order of their recording, over all lanes and writers.

    Two legs, and data roots of several hosts, are merged into one stream in the order of sending, with each message
    once, unless one `leg` is asked for. `clock_error_ms` is how far the clock of a host may be off that does not know.

    `paths` are archives, or folders with archives below them, such as a data root; `stream` None is all streams.
    Of each producer the rows come in the order in which it recorded them, those of several producers by their
    receive times. `since` and `until` (excluded) bound the receive time; books start again with the snapshots
    after `since`. Raises ArchiveError where an archive is missing, torn or no archive; ValueError for an instant
    that is none; ArchiveError too where a recording is given twice, or hosts' clocks are not known well enough.
    """
    span = span_between(since, until)
    of_stream: dict[Path, str] = {}
    for path in [paths] if isinstance(paths, Path) else paths:
        recording = recording_of(path)
        of_stream.update((archive, recording) for archive in archives_of(path, stream=stream))
    return rows_of(of_stream, span, leg if stream in {WS_RAW, None} else "merged", clock_error_ms)


def span_between(since: Instant | None, until: Instant | None) -> Span:
    """The receive times from one instant to another; None for no bound. Raises ValueError."""
    return Span(
        0 if since is None else instant_ns(since), _END_OF_TIME_NS if until is None else instant_ns(until)
    )


def replay(rows: Iterable[Row]) -> Iterator[Step]:
    """The books after every event of rows that come in order; one step for a row that holds no event."""
    if isinstance(rows, MergedRows):
        merged = MergedReplay()
        for entry in rows.entries:
            yield from merged.take(entry)
        return
    following = Replay()
    for row in rows:
        yield from following.take(row)


def archives_of(paths: Path | Iterable[Path], *, stream: str | None = WS_RAW) -> list[Path]:
    """The closed archives of a stream at and below the paths, each once. Raises ArchiveError where none can be."""
    found: set[Path] = set()
    for path in [paths] if isinstance(paths, Path) else paths:
        if not path.exists():
            raise ArchiveError(f"{path}: there is no such archive or folder")
        found.update(path.rglob(f"*{ARCHIVE_SUFFIX}") if path.is_dir() else [path])
    begin = "polymarket_" if stream is None else f"polymarket_{stream}_"
    return sorted(path for path in found if path.name.startswith(begin))


class Replay:
    """The books of every producer, row by row."""

    def __init__(self) -> None:
        self._books: dict[str, Books] = {}
        self._continuity: dict[str, Continuity] = {}

    def books_of(self, producer: str) -> Books:
        """The books of a producer as they are now."""
        return self._books.setdefault(producer, Books())

    def take(self, row: Row) -> Iterator[Step]:
        """The steps of the next row. Take them all before the row after it."""
        books = self.books_of(row.producer)
        broken = self._break(row)
        if broken is not None:
            books.reset(broken.token_ids)
        events = read_events(row.payload_json) if row.record_type == MESSAGE_RECORD else ()
        if not events:
            yield Step(row, None, (), books, broken)
        books.received_ms = row.received_at_ns // 1_000_000
        index = 0  # of the step: a doubt about an event is one more
        for event in events:
            changed = books.apply(event)
            if isinstance(event, Unusable) and changed:
                broken = _also(broken, Break(f"{NOT_KNOWN}: {event.reason} cannot be read", changed))
            yield Step(row, event, changed, books, broken, index)
            broken = None
            index += 1
            for doubt in books.doubts:
                if isinstance(doubt, Unusable):
                    voided = Break(f"{NOT_KNOWN}: {doubt.reason} is wrong", doubt.token_ids)
                    yield Step(row, doubt, doubt.token_ids, books, voided, index)
                    index += 1

    def _break(self, row: Row) -> Break | None:
        continuity = self._continuity.setdefault(row.producer, Continuity())
        if row.record_type == MESSAGE_RECORD:
            return continuity.message(row.session_id, row.message_sequence)
        return continuity.life_cycle(row.record_type, row.session_id, row.detail)


def _also(broken: Break | None, other: Break) -> Break:
    """Both together: of the first one all books may be void."""
    return other if broken is None or broken.token_ids is not None else broken


def instant_ns(instant: Instant) -> int:
    """Nanoseconds since 1970. Raises ValueError for a text that does not give one."""
    return instant if isinstance(instant, int) else parse_utc_ns(instant)
