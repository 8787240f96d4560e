"""The rows of one recording as the merge takes them: by leg, by unit, by a time that does not step."""

from collections.abc import Iterable, Iterator

import msgspec

from common.core.books.continuity import Break, Continuity
from common.core.events.kinds import FRESH_KINDS
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.merging.host_clock import HostClock
from common.core.merging.lateness import Lateness
from common.core.merging.messages import SUREST_NEEDED_MS, LegMessage
from common.core.merging.payloads import NO_MARKET, Content, contents_of
from common.core.rows.reading import Row
from common.core.rows.websocket import MESSAGE_RECORD, SESSION_CLOSED, SESSION_OPENED
from common.errors import ArchiveError

_UNTIMED_NS = 30 * NS_PER_SECOND  # a connection without any change for longer is taken to be on time
_MS_NS = 1_000_000


class Copy(msgspec.Struct, frozen=True, gc=False):
    """One leg's row of a message. `broken` says which books of its connection are void from it on."""

    row: Row
    source: str  # the connection's producer, with its recording
    broken: Break | None


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A message, a life-cycle row, or of an array that opens a connection the part of one market (`unit`).

    `copies` are the rows of the legs that have it, that of the first receipt first. `order_ns` never falls.
    """

    unit: str
    copies: tuple[Copy, ...]
    message: LegMessage[None]
    opening: bool = False
    first_part: bool = True  # of its row: the others are the same row for other markets
    doubtful: bool = False
    order_ns: int = 0

    @property
    def row(self) -> Row:
        """The row of the first receipt."""
        return self.copies[0].row


class Entries:
    """Makes entries of the rows of one recording, given in recorded order.

    Where it is one of `several`, its clock must be known within SUREST_NEEDED_MS; `clock_error_ms` is how far it may be
    off where the recording does not know it.
    """

    def __init__(self, recording: str, *, several: bool = False, clock_error_ms: float | None = None) -> None:
        self._clock = HostClock()
        self._recording, self._several, self._clock_error_ms = recording, several, clock_error_ms
        self._error_ns = int((SUREST_NEEDED_MS if clock_error_ms is None else clock_error_ms) * _MS_NS)
        self._lateness: dict[str, Lateness] = {}
        self._continuity: dict[str, Continuity] = {}
        self._opened_ns: dict[tuple[str, str | None], int] = {}
        self._held: dict[str, list[Entry]] = {}  # by producer, of its session without any change yet

    def of(self, row: Row) -> Iterator[Entry]:
        """The entries of the next row, or later: how late a connection is shows with its first change."""
        session = row.producer, row.session_id
        entries = list(self._entries(row))
        if row.record_type == SESSION_OPENED:
            yield from self._let_go(row.producer, 0)
            yield from entries
            self._held[row.producer] = []
        elif row.producer not in self._held:
            yield from entries
        else:
            held = self._held[row.producer]
            held += entries
            waited_ns = entries[0].message.received_ns - held[0].message.received_ns
            timed = any(entry.message.kind in FRESH_KINDS for entry in entries)
            if timed or row.record_type == SESSION_CLOSED or waited_ns > _UNTIMED_NS:
                yield from self._let_go(row.producer, entries[0].message.behind_ns)
        if row.record_type == SESSION_CLOSED:
            self._opened_ns.pop(session, None)

    def all(self, rows: Iterable[Row]) -> Iterator[Entry]:
        """The entries of all rows."""
        for row in rows:
            yield from self.of(row)
        for producer in sorted(self._held):
            yield from self._let_go(producer, 0)

    def _let_go(self, producer: str, behind_ns: int) -> Iterator[Entry]:
        for entry in self._held.pop(producer, ()):
            message = msgspec.structs.replace(entry.message, behind_ns=behind_ns)
            yield msgspec.structs.replace(entry, message=message, order_ns=message.at_ns)

    def _entries(self, row: Row) -> Iterator[Entry]:
        is_opening = row.record_type == SESSION_OPENED
        is_sure = is_opening and _clock_error_ms(row) is not None
        received_ns = self._clock.time_ns(row.received_at_ns, row.received_monotonic_ns, is_sure=is_sure)
        session = row.producer, row.session_id
        if is_opening:
            self._opened_ns[session] = received_ns
            self._note_clock_error(row)
        copies = (Copy(row, f"{self._recording}/{row.producer}", self._break(row)),)
        payload = row.payload_json if row.record_type == MESSAGE_RECORD else b""
        contents = contents_of(payload) or (Content(NO_MARKET, row.record_type, 0, opening=True),)
        for part, content in enumerate(contents):
            message = LegMessage(
                received_ns=received_ns,
                opened_ns=self._opened_ns.get(session, 0),
                exchange_ms=content.exchange_ms,
                kind=content.kind,
                key=b"" if content.opening else payload,
                reference=None,
                behind_ns=self._behind_ns(row, received_ns, content),
                clock_error_ns=self._error_ns,
            )
            yield Entry(
                content.unit,
                copies,
                message,
                opening=content.opening,
                first_part=part == 0,
                order_ns=message.at_ns,
            )
            copies = (Copy(row, copies[0].source, None),)  # its break is told once

    def _note_clock_error(self, row: Row) -> None:
        if not self._several:
            return
        stated_ms = _clock_error_ms(row)
        error_ms = self._clock_error_ms if stated_ms is None else stated_ms
        if error_ms is None:
            raise ArchiveError(
                f"{self._recording}: how far its clock may be off is unknown since {utc_text(row.received_at_ns)}:"
                " give --clock-error-ms if you know"
            )
        if error_ms > SUREST_NEEDED_MS:
            raise ArchiveError(
                f"{self._recording}: its clock may be off by {error_ms:g} ms since {utc_text(row.received_at_ns)}:"
                f" recordings of several hosts are merged within {SUREST_NEEDED_MS} ms only"
            )
        self._error_ns = int(error_ms * _MS_NS)

    def _behind_ns(self, row: Row, received_ns: int, content: Content) -> int:
        lateness = self._lateness.setdefault(row.producer, Lateness())
        return lateness.behind_ns(row.session_id, received_ns, content.kind, content.exchange_ms)

    def _break(self, row: Row) -> Break | None:
        continuity = self._continuity.setdefault(row.producer, Continuity())
        if row.record_type == MESSAGE_RECORD:
            return continuity.message(row.session_id, row.message_sequence)
        return continuity.life_cycle(row.record_type, row.session_id, row.detail)


def _clock_error_ms(row: Row) -> float | None:
    stated = row.detail.get("clock_error_ms")
    return float(stated) if isinstance(stated, int | float) else None


def joined(first: Entry, second: Entry, *, doubtful: bool, order_ns: int) -> Entry:
    """Two legs' entries of one message as one: known since the earlier receipt, possible in either session."""
    if second.message.received_ns < first.message.received_ns:
        first, second = second, first
    message = msgspec.structs.replace(
        first.message,
        opened_ns=min(first.message.opened_ns, second.message.opened_ns),
        behind_ns=min(first.message.behind_ns, second.message.behind_ns),
        clock_error_ns=max(first.message.clock_error_ns, second.message.clock_error_ns),
    )
    in_doubt = doubtful or first.doubtful or second.doubtful
    return Entry(first.unit, first.copies + second.copies, message, doubtful=in_doubt, order_ns=order_ns)


def of_one_leg(rows: Iterable[Row], entries: Entries) -> Iterator[Entry]:
    """The entries of a recording with one leg, in recorded order."""
    latest_ns = 0
    for entry in entries.all(rows):
        latest_ns = max(latest_ns, entry.order_ns)
        yield entry if entry.order_ns == latest_ns else msgspec.structs.replace(entry, order_ns=latest_ns)
