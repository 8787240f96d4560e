"""From the steps of a replay to the moments of each token: each event once, and only what our own books took."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from common.archive.step import ANOTHER_RUN, Step
from common.core.books.book import Book
from common.core.books.connection import Books
from common.core.events.market_events import (
    BookSnapshot,
    LastTrade,
    LevelChange,
    PriceChange,
    TickSizeChange,
)
from common.core.formats.moments import Levels, Lost, Moment, Tick, Trade, WholeBook
from common.core.formats.precision import Precision
from common.core.market import Token, canonical_condition_id
from common.core.rows.origin import places_of
from common.core.rows.websocket import MESSAGE_RECORD, SESSION_OPENED


class Flow:
    """Follows steps from before `start_ns` on; gives moments from it on, first the books that were known then.

    A token's book is that of the connection that gave its newest snapshot. `precision` None: every number fits.
    """

    def __init__(
        self, start_ns: int, *, markets: Collection[str] = (), precision: Precision | None = None
    ) -> None:
        self.tokens: dict[str, Token] = {}
        self.begun = False
        self.refused: Counter[str] = Counter()  # trades that do not fit, by reason
        self._start_ns, self._markets, self._precision = start_ns, markets, precision
        self._owners: dict[str, Books] = {}
        self._runs: dict[str, Books] = {}  # of the newest session of each reader
        self._seen: set[str] = set()  # producers whose tokens are noted
        self._at_ns: dict[str, int] = {}
        self._exchange_ms: dict[str, int] = {}
        self._carried: list[WholeBook] = []
        self._waiting: set[str] = set()  # tokens that are subscribed and have had no snapshot
        self._from_before: set[str] = set()  # tokens that had been subscribed before the first row

    def begin(self) -> None:
        """The next step is the first one from `start_ns` on: keep the books as they are before it."""
        self.begun = True
        self._at_ns = dict.fromkeys(self._owners, self._start_ns)
        books = (owner.get(token_id) for token_id, owner in self._owners.items())
        self._carried = [_whole(book, self._start_ns, carried=True) for book in books if book is not None]

    def take(self, step: Step) -> Iterator[Moment]:
        """The moments of the next step; none before the start."""
        yield from self._carried
        self._carried = []
        for moment in self._moments(step):
            if self.begun:
                yield moment

    def books(self) -> Iterator[tuple[Token, Book]]:
        """The books that are known now, with their tokens."""
        for token_id, owner in self._owners.items():
            token, book = self.tokens.get(token_id), owner.get(token_id)
            if token is not None and book is not None:
                yield token, book

    @property
    def without_book(self) -> Collection[str]:
        """Tokens that were subscribed before what was read, and that nothing was heard of since."""
        return self._from_before

    @property
    def waiting(self) -> Collection[str]:
        """Tokens that are subscribed and have had no snapshot since."""
        return self._waiting

    def _moments(self, step: Step) -> Iterator[Moment]:
        self._note_tokens(step)
        if step.row.record_type == SESSION_OPENED:
            yield from self._replaced(step)
        if step.broken is not None:
            yield from self._void(step, step.broken.token_ids, step.broken.reason)
        event = step.event
        match event:
            case PriceChange():
                for token_id in step.token_ids:
                    yield from self._changed(step, event, token_id)
            case BookSnapshot():
                for token_id in step.token_ids:
                    yield from self._replace(step, token_id)
            case LastTrade():
                yield from self._traded(step, event)
            case TickSizeChange():
                if self._owners.get(event.token_id) is step.books:
                    at_ns = self._known_at(event.token_id, step)
                    yield Tick(
                        event.token_id, at_ns, event.timestamp_ms, event.old_tick_size, event.new_tick_size
                    )

    def _replace(self, step: Step, token_id: str) -> Iterator[Moment]:
        book = step.books.get(token_id)
        if book is None or not self._is_wanted(token_id):
            return
        self._from_before.discard(token_id)
        self._waiting.discard(token_id)
        self._owners[token_id] = step.books
        at_ns = self._known_at(token_id, step)
        self._exchange_ms[token_id] = book.timestamp_ms
        reason = self._misfit([*book.bid_ladder.levels, *book.ask_ladder.levels])
        if reason is not None:
            yield from self._lose(token_id, at_ns, reason)
        else:
            yield _whole(book, at_ns)

    def _changed(self, step: Step, event: PriceChange, token_id: str) -> Iterator[Moment]:
        if self._owners.get(token_id) is not step.books:
            return
        changes: Sequence[LevelChange] = event.changes
        if any(change.token_id != token_id for change in changes):
            changes = [change for change in changes if change.token_id == token_id]
        at_ns = self._known_at(token_id, step)
        self._exchange_ms[token_id] = event.timestamp_ms
        reason = self._misfit((change.price, change.size) for change in changes)
        if reason is not None:
            yield from self._lose(token_id, at_ns, reason)
        else:
            yield Levels(token_id, at_ns, event.timestamp_ms, changes)

    def _traded(self, step: Step, event: LastTrade) -> Iterator[Moment]:
        """One that was received before the start is in the hour before, also where it was sent after others."""
        owner = self._owners.get(event.token_id, step.books)
        if step.row.received_at_ns < self._start_ns or owner is not step.books:
            return
        if not self._is_wanted(event.token_id):
            return
        reason = self._misfit([(event.price, event.size)])
        if reason is not None:
            self.refused[reason] += 1
            return
        yield Trade(
            event.token_id,
            self._known_at(event.token_id, step),
            event.timestamp_ms,
            event.price,
            event.size,
            event.side,
            event.fee_rate_bps or "",
            event.transaction_hash or "",
        )

    def _void(self, step: Step, token_ids: Collection[str] | None, reason: str) -> Iterator[Moment]:
        for token_id in tuple(self._owners) if token_ids is None else token_ids:
            self._from_before.discard(token_id)
            self._waiting.discard(token_id)
            if self._owners.get(token_id) is step.books:
                yield from self._lose(token_id, self._known_at(token_id, step), reason)

    def _replaced(self, step: Step) -> Iterator[Moment]:
        """A reader that begins again with another outbox has died without closing its session."""
        for place in places_of(step.row.producer):
            slot = f"{step.row.host}/{place}"
            books = self._runs.get(slot, step.books)
            self._runs[slot] = step.books
            if books is not step.books:
                for token_id in [each for each, owner in self._owners.items() if owner is books]:
                    yield from self._lose(token_id, self._known_at(token_id, step), ANOTHER_RUN)

    def _lose(self, token_id: str, at_ns: int, reason: str) -> Iterator[Moment]:
        if self._owners.pop(token_id, None) is not None:
            yield Lost(token_id, at_ns, self._exchange_ms.get(token_id, 0), reason)

    def _misfit(self, levels: "Sequence[tuple[str, str]] | Iterator[tuple[str, str]]") -> str | None:
        return None if self._precision is None else self._precision.misfit(levels)

    def _known_at(self, token_id: str, step: Step) -> int:
        at_ns = self._at_ns[token_id] = max(self._at_ns.get(token_id, 0), step.row.received_at_ns)
        return at_ns

    def _is_wanted(self, token_id: str) -> bool:
        if not self._markets:
            return True
        token = self.tokens.get(token_id)
        return token is not None and token.market_slug in self._markets

    def _note_tokens(self, step: Step) -> None:
        """Tokens change with life-cycle rows only; where rows are missing, any row may name new ones."""
        row = step.row
        producer = f"{row.host}/{row.producer}"
        first = producer not in self._seen
        if row.record_type == MESSAGE_RECORD and step.broken is None and not first:
            return
        self._seen.add(producer)
        for token in row.tokens:
            self.tokens.setdefault(token.token_id, token)
            if token.token_id not in self._owners and self._is_wanted(token.token_id):
                self._waiting.add(token.token_id)
        if first and row.record_type != SESSION_OPENED:
            self._from_before.update(
                token.token_id for token in row.tokens if self._is_wanted(token.token_id)
            )


def market_of(token: Token) -> str:
    """The token's market with all of its 32 bytes."""
    return canonical_condition_id(token.condition_id)


def _whole(book: Book, at_ns: int, *, carried: bool = False) -> WholeBook:
    return WholeBook(
        book.token_id,
        at_ns,
        book.timestamp_ms,
        tuple(book.bid_ladder.levels),
        tuple(book.ask_ladder.levels),
        carried,
    )
