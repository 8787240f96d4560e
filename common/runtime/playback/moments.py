"""The rows of a recording, grouped: each message that is played, with the rows that came before it."""

from collections.abc import Iterable, Iterator

import msgspec

from common.archive.legs import MergedRows
from common.archive.read import iterate_lines
from common.archive.replay import Row, archives_of, read_archive
from common.archive.views.recorded_span import recorded_span
from common.core.events.kinds import EMPTY_ARRAY, NEW_MARKET, PLAIN_TEXTS
from common.core.format_version import newer_words
from common.core.instants import utc_text
from common.core.merging.entries import Entry
from common.core.merging.payloads import NO_MARKET
from common.core.rows.origin import places_of
from common.core.rows.reading import row_of
from common.core.rows.websocket import MESSAGE_RECORD, SCHEMA_VERSION
from common.errors import ArchiveError
from common.runtime.playback.addressed import Addressed, addressed
from common.runtime.playback.options import LOOK_BACK_NS, Playback

Item = Row | Entry  # of one leg, or of several that are merged
ANSWERS = PLAIN_TEXTS | {EMPTY_ARRAY}  # what answers one connection alone; a client of ours gets its own
_ANNOUNCED_KEPT = 4096


class Moment(msgspec.Struct, frozen=True):
    """A message to play, the item that holds it, and the rows since the message before it that hold none."""

    at_ns: int
    before: tuple[Item, ...]
    item: Item
    frame: Addressed


def refuse_what_cannot_be_played(playback: Playback) -> None:
    """Raises ArchiveError naming what is missing, unknown or outside: before anything listens."""
    names = ", ".join(map(str, playback.paths))
    archives = archives_of(playback.paths)
    if not archives:
        raise ArchiveError(
            f"{names}: there is no closed websocket archive to replay (polymarket_ws_raw_*.jsonl.gz); a recorder"
            " closes its archives each hour and when it stops"
        )
    for path in archives:
        first = next(iter(iterate_lines(path)), None)
        row = None if first is None else row_of(first)
        if row is not None and row.schema_version > SCHEMA_VERSION:
            words = newer_words("schema_version", row.schema_version, SCHEMA_VERSION, "")
            raise ArchiveError(f"{path}: {words}")
    span = recorded_span(playback.paths, playback.leg)
    if span is None:
        raise ArchiveError(f"{names}: nothing was recorded by leg {playback.leg}: leave --leg out")
    since_ns, until_ns = playback.since_ns or 0, playback.until_ns or span.until_ns + 1
    if since_ns >= until_ns or since_ns > span.until_ns or until_ns <= span.since_ns:
        raise ArchiveError(
            f"{names}: nothing to replay between --from and --until: the archives reach from"
            f" {utc_text(span.since_ns)} to {utc_text(span.until_ns)}"
        )


def items_of(playback: Playback) -> Iterator[Item]:
    """Every row from the look-back before the start on, in recorded order, or in that of sending for merged legs."""
    rows = read_archive(
        playback.paths,
        since=max((playback.since_ns or 0) - LOOK_BACK_NS, 0),
        until=playback.until_ns,
        leg=playback.leg,
        clock_error_ms=playback.clock_error_ms,
    )
    return iter(rows.entries if isinstance(rows, MergedRows) else rows)


def row_in(item: Item) -> Row:
    """The row of an item."""
    return item.row if isinstance(item, Entry) else item


def moments(items: Iterable[Item]) -> Iterator[Moment]:
    """The messages with what came before each; rows after the last message are left out."""
    before: list[Item] = []
    announced = _Announcements()
    for item in items:
        row = row_in(item)
        frame = _frame(item, row)
        if frame is None or announced.is_of_another(row, frame):
            before.append(item)
            continue
        yield Moment(row.received_at_ns, tuple(before), item, frame)
        before.clear()


def _frame(item: Item, row: Row) -> Addressed | None:
    if row.record_type != MESSAGE_RECORD or not ANSWERS.isdisjoint(row.classified_event_types):
        return None
    payload = row.payload
    if payload is None:
        return None
    frame = addressed(payload)
    if not isinstance(item, Entry):
        return frame
    if not item.opening or item.unit == NO_MARKET:
        return frame if item.first_part else None
    unit, first = item.unit, item.first_part
    cut = frame.only(lambda part: part.market == unit or (first and not part.market))
    return None if cut is None else addressed(cut)


class _Announcements:
    """`new_market` goes to every connection: a client of ours has one, and gets those of one of the recorder's."""

    def __init__(self) -> None:
        self._first: dict[bytes, str] = {}

    def is_of_another(self, row: Row, frame: Addressed) -> bool:
        """Whether another reader has recorded the same announcement before."""
        if frame.is_array or frame.parts[0].kind != NEW_MARKET:
            return False
        reader = places_of(row.producer)[0].rstrip("ab")
        known = self._first.setdefault(frame.payload, reader)
        if len(self._first) > _ANNOUNCED_KEPT:
            del self._first[next(iter(self._first))]
        return known != reader
