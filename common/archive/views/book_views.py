"""One token's book after everything that happened to it, from archives, for a person to look at."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from common.archive.replay import Row, Step, read_archive, replay
from common.archive.views.recorded_span import refuse_outside
from common.core.audit.divergence import levels_words
from common.core.audit.results import UNKNOWN_RECIPE
from common.core.audit.unknown_books import Unknown
from common.core.books.book import Book
from common.core.books.checkpoint import CheckpointBook
from common.core.books.connection import Books
from common.core.books.snapshot import DifferingLevel
from common.core.decimal_text import normal_levels
from common.core.events.market_events import BookSnapshot, MarketEvent, PriceChange, Unusable
from common.core.events.rest_answer import read_checkpoint
from common.core.events.words import changes_of, event_words, is_about
from common.core.instants import NS_PER_SECOND
from common.core.market import Token
from common.core.recipes.proof import Bound, HashProof
from common.core.rows.names import REST_CHECKPOINTS
from common.core.rows.origin import LegChoice
from common.core.rows.websocket import DIVERGENCE, MESSAGE_RECORD
from common.core.views.book_view import BookView
from common.core.views.markets_named import TokenChoice
from common.core.views.suspect import SuspectBook
from common.errors import ArchiveError

AGREE = "agree"
DIFFERS = "differs"
GOES_ON = "batch goes on"
NO_TERMS = "not checkable: no REST checkpoint names the token"
NO_RECIPE = f"not checkable: {UNKNOWN_RECIPE}"
BATCH_NS = 2 * NS_PER_SECOND  # in which the frames of a batch follow one another
# To read from so far before an instant, and again from further where there was no book to begin with.
LOOK_BACKS_NS = (600 * NS_PER_SECOND, 6 * 3600 * NS_PER_SECOND)


class Recording(msgspec.Struct, frozen=True):
    """Where to read: archives, folders or data roots, of which leg, and how far clocks may be off that do not know."""

    paths: tuple[Path, ...]
    leg: LegChoice = "merged"
    clock_error_ms: float | None = None

    def rows(self, since_ns: int, until_ns: int | None = None) -> Iterator[Row]:
        """The websocket rows, in order."""
        return read_archive(
            self.paths,
            since=since_ns,
            until=until_ns,
            leg=self.leg,
            clock_error_ms=self.clock_error_ms,
        )


def views(recording: Recording, choice: TokenChoice, *, levels: int, since_ns: int = 0) -> Iterator[BookView]:
    """The token's book after each event that tells of it, `levels` a side. Raises ArchiveError if it is not there."""
    rows = recording.rows(since_ns)
    return _judged(_Views(recording, choice, levels, since_ns).of(replay(rows)))


def views_between(
    recording: Recording, choice: TokenChoice, since_ns: int, until_ns: int, *, levels: int
) -> Iterator[BookView]:
    """The views of a stretch, the second instant excluded; none where the token is not in it."""
    rows = recording.rows(since_ns, until_ns)
    return _judged(_Views(recording, choice, levels, since_ns, wide=True).of(replay(rows)))


def view_at(recording: Recording, choice: TokenChoice, at_ns: int, *, levels: int) -> BookView:
    """The token's book as known at an instant, read from the last book before it. Raises ArchiveError outside."""
    refuse_outside(recording.paths, at_ns, recording.leg)
    for back_ns in (*LOOK_BACKS_NS, at_ns):
        since_ns = max(at_ns - back_ns, 0)
        rows = recording.rows(since_ns, at_ns + BATCH_NS)
        found = _last_until(
            _Views(recording, choice, levels, since_ns, wide=since_ns > 0).of(replay(rows)), at_ns
        )
        if found is not None and (found.book or found.unknown is not None or since_ns == 0):
            return found
    raise ArchiveError("the recording of this token begins later: choose a later time")


def _last_until(coming: Iterator[BookView], at_ns: int) -> BookView | None:
    found = None
    for view in _judged(coming):
        if view.received_at_ns > at_ns:
            break
        found = view
    return found


def _judged(coming: Iterator[BookView]) -> Iterator[BookView]:
    """Views of one batch share time and hash, which tell the state after the last of them: only that is judged."""
    held: BookView | None = None
    for view in coming:
        if held is not None:
            yield _within_batch(held, view)
        held = view
    if held is not None:
        yield held


def _within_batch(view: BookView, following: BookView) -> BookView:
    same = (view.timestamp_ms, view.hash) == (following.timestamp_ms, following.hash)
    if view.verdict == DIFFERS and same and following.verdict:
        return msgspec.structs.replace(view, verdict=GOES_ON)
    return view


class _Views:
    """Follows the steps of a recording and makes a view of each that is about the chosen token."""

    def __init__(
        self, recording: Recording, choice: TokenChoice, levels: int, since_ns: int, *, wide: bool = False
    ) -> None:
        self._recording, self._choice, self._levels, self._since_ns = recording, choice, levels, since_ns
        self._may_be_absent = wide
        self._tokens: dict[str, Token] = {}
        self._token: Token | None = None
        self._proof = HashProof()
        self._bound: Bound | None = None  # with what the hashes come out since the newest snapshot
        self._number = 0
        self._unknown: Unknown | None = None
        self._verdict_now = ""  # of the book as it is, since its last change
        self._suspect = SuspectBook()
        self._books: Books | None = None  # of the producer that told of the token last

    def of(self, steps: Iterable[Step]) -> Iterator[BookView]:
        """The views, in order."""
        for step in steps:
            if step.row.record_type != MESSAGE_RECORD or step.broken is not None or not self._tokens:
                self._note_tokens(step.row)
            token = self._token
            if token is None:
                continue
            if isinstance(step.event, Unusable):
                yield from self._views_of_unusable(token, step, step.event)
                continue
            if step.broken is not None and _concerns(step, token.token_id):
                self._unknown = None
                self._suspect.ended()
                yield self._view(token, step, step.broken.reason)
            if step.row.record_type == DIVERGENCE and step.row.detail.get("token_id") == token.token_id:
                yield self._view_of_divergence(token, step)
            if step.event is not None and is_about(step.event, token.token_id):
                yield self._view_of_event(token, step, step.event)
        if self._token is None and not self._may_be_absent:
            raise ArchiveError(self._choice.not_among(self._tokens.values()))

    def _view_of_divergence(self, token: Token, step: Step) -> BookView:
        """The row is the auditor's, the book the reader's."""
        books = self._books or step.books
        self._suspect.diverged(books.get(token.token_id))
        detail = step.row.detail
        words = f"divergence  by {detail.get('check')}: {detail.get('why')}"
        return self._view(token, msgspec.structs.replace(step, books=books), words)

    def _views_of_unusable(self, token: Token, step: Step, event: Unusable) -> Iterator[BookView]:
        if event.of_book and token.token_id in {*step.token_ids, *event.token_ids}:
            if self._unknown is None:
                self._unknown = Unknown(event.reason, step.row.received_at_ns)
            yield self._view(token, step, f"cannot be read: {event.detail}")

    def _note_tokens(self, row: Row) -> None:
        for token in row.tokens:
            self._tokens[token.token_id] = token
        if self._token is None:
            self._token = self._choice.of(row.tokens)
            if self._token is not None:
                shown = _first_checkpoint(self._recording, self._token.token_id, self._since_ns)
                if shown is not None:
                    self._proof.checkpoint(shown.book(), shown.terms, shown.last_trade_price)

    def _view_of_event(self, token: Token, step: Step, event: MarketEvent) -> BookView:
        changed = isinstance(event, PriceChange | BookSnapshot) and token.token_id in step.token_ids
        touched = frozenset((change.side, change.price) for change in changes_of(event, token.token_id))
        self._books = step.books
        book = step.books.get(token.token_id)
        differing: tuple[DifferingLevel, ...] = ()
        if changed and book is not None:
            differing = self._suspect.changed(event, book)
            of_change = isinstance(event, PriceChange)
            self._verdict_now = self._verdict(step, book, of_change=of_change) if book.hash else ""
        words = event_words(event, token.token_id)
        if differing:
            levels = [level._asdict() for level in differing]
            words += f"; the book had diverged: {levels_words(levels, len(levels))}"
        view = self._view(token, step, words, touched if changed else frozenset())
        return msgspec.structs.replace(view, differing=differing)

    def _verdict(self, step: Step, book: Book, *, of_change: bool) -> str:
        if self._proof.terms_of(book.token_id) is None:
            return NO_TERMS
        announced = step.books.trade_prices(book.market)
        found = self._proof.thorough(book, self._bound, announced, of_change=of_change)
        if found is not None:
            self._bound, _ = found
            return AGREE
        if not of_change:
            self._bound = None
        return DIFFERS if self._proof.may_accuse(book, self._bound) else NO_RECIPE

    def _view(
        self, token: Token, step: Step, words: str, touched: frozenset[tuple[str, str]] = frozenset()
    ) -> BookView:
        self._number += 1
        view = BookView(token, self._number, step.row.received_at_ns, words, "", step.row.exchange)
        book = step.books.get(token.token_id)
        if book is None:
            return msgspec.structs.replace(view, unknown=self._unknown)
        self._unknown = None
        best = book.depth(self._levels)
        return msgspec.structs.replace(
            view,
            verdict=self._verdict_now,
            book=True,
            timestamp_ms=book.timestamp_ms,
            hash=book.hash,
            tick_size=book.tick_size,
            bids=normal_levels(best.bids),
            asks=normal_levels(best.asks),
            bid_levels=len(book.bid_ladder),
            ask_levels=len(book.ask_ladder),
            touched=touched,
        )


def _concerns(step: Step, token_id: str) -> bool:
    if step.broken is None or token_id not in step.row.subscribed.assets_ids:
        return False
    return step.broken.token_ids is None or token_id in step.broken.token_ids


def _first_checkpoint(recording: Recording, token_id: str, since_ns: int) -> CheckpointBook | None:
    """The first REST book of the token: only REST tells some of what the hashes hold."""
    for row in read_archive(recording.paths, stream=REST_CHECKPOINTS, since=since_ns):
        for shown in read_checkpoint(row.payload_json):
            if shown.token_id == token_id:
                return shown
    return None
