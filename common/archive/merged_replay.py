"""The books of a merged stream: void only where no leg vouches for them any more."""

from collections.abc import Iterator, Sequence

from common.archive.step import ANOTHER_RUN, NOT_KNOWN, Step
from common.core.books.connection import Books
from common.core.books.continuity import Break
from common.core.events.market_events import BookSnapshot, MarketEvent, Unusable, UnusualForms
from common.core.events.reader import read_events
from common.core.market import canonical_condition_id
from common.core.merging.entries import Copy, Entry
from common.core.merging.payloads import NO_MARKET
from common.core.rows.origin import places_of
from common.core.rows.websocket import MESSAGE_RECORD, SESSION_OPENED


class MergedReplay:
    """Follows entries in the order of sending.

    A connection vouches for a token from the snapshot that it gave until its books break (`Continuity`). A book lasts
    as long as one connection vouches for it: what one of them missed has come from the other.
    """

    def __init__(self) -> None:
        self._books = Books()
        self._vouched: dict[str, set[str]] = {}  # by connection
        self._holders: dict[tuple[str, str], str] = {}  # the connection of each place in a recording

    def take(self, entry: Entry) -> Iterator[Step]:
        """The steps of the next entry. Take them all before the entry after it."""
        row, books = entry.row, self._books
        broken = self._break(entry.copies)
        if broken is not None:
            books.reset(broken.token_ids)
        events = self._events(entry)
        if not events and (entry.first_part or broken is not None):
            yield Step(row, None, (), books, broken)
        books.received_ms = row.received_at_ns // 1_000_000
        for index, event in events:
            if isinstance(event, Unusable) and self._others_have_it(entry.copies, event):
                yield Step(row, event, (), books, broken, index)
                broken = None
                continue
            changed = books.apply(event)
            self._vouch(entry.copies, event)
            if isinstance(event, Unusable) and changed:
                self._doubt(changed)
                broken = _both(broken, Break(f"{NOT_KNOWN}: {event.reason} cannot be read", changed))
            yield Step(row, event, changed, books, broken, index)
            broken = None
            for doubt in books.doubts:
                if isinstance(doubt, Unusable):
                    self._doubt(doubt.token_ids)
                    voided = Break(f"{NOT_KNOWN}: {doubt.reason} is wrong", doubt.token_ids)
                    yield Step(row, doubt, doubt.token_ids, books, voided, index)

    def _events(self, entry: Entry) -> Sequence[tuple[int, MarketEvent]]:
        """The events of an entry with their places in the payload: of an opening array those of its market."""
        if entry.row.record_type != MESSAGE_RECORD:
            return ()
        events = list(enumerate(read_events(entry.row.payload_json)))
        if not entry.opening or entry.unit == NO_MARKET:
            return events
        return [
            (index, event)
            for index, event in events
            if canonical_condition_id(_market_of(event)) == entry.unit
            or (entry.first_part and not _market_of(event))
        ]

    def _break(self, copies: Sequence[Copy]) -> Break | None:
        """What is void now: of what connections no longer vouch for, the books that no other one vouches for."""
        reason, lost = "", set[str]()
        for copy in copies:
            if copy.broken is not None:
                vouched = self._vouched.setdefault(copy.source, set())
                gone = (
                    vouched & set(copy.broken.token_ids)
                    if copy.broken.token_ids is not None
                    else set(vouched)
                )
                vouched -= gone
                lost |= gone
                reason = copy.broken.reason
            if copy.row.record_type == SESSION_OPENED and (killed := self._killed_before(copy)):
                lost |= killed
                reason = ANOTHER_RUN
        lost -= set[str]().union(*self._vouched.values())
        return Break(reason, tuple(sorted(lost))) if lost else None

    def _killed_before(self, copy: Copy) -> set[str]:
        """What was vouched for by those whose places the reader of this session takes."""
        recording, _, producer = copy.source.rpartition("/")
        lost = set[str]()
        for place in places_of(producer):
            before = self._holders.get((recording, place), copy.source)
            self._holders[recording, place] = copy.source
            if before != copy.source:
                lost |= self._vouched.pop(before, set())
        return lost

    def _vouch(self, copies: Sequence[Copy], event: MarketEvent) -> None:
        if isinstance(event, BookSnapshot):
            for copy in copies:
                self._vouched.setdefault(copy.source, set()).add(event.token_id)

    def _others_have_it(self, copies: Sequence[Copy], event: Unusable) -> bool:
        """Whether another connection continues, so that what one of them delivered unreadable is not lost."""
        having = {copy.source for copy in copies}
        others = set[str]().union(
            *(tokens for source, tokens in self._vouched.items() if source not in having)
        )
        return others.issuperset(self._books.concerned(event))

    def _doubt(self, token_ids: Sequence[str]) -> None:
        """What cannot be read, or is wrong, is so on every connection that has it."""
        for vouched in self._vouched.values():
            vouched.difference_update(token_ids)


def _both(broken: Break | None, other: Break) -> Break:
    if broken is None or broken.token_ids is None or other.token_ids is None:
        return other
    return Break(other.reason, tuple(sorted({*broken.token_ids, *other.token_ids})))


def _market_of(event: MarketEvent) -> str:
    return "" if isinstance(event, UnusualForms) else event.market
