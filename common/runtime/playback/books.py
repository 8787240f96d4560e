"""The books of a recording at the instant that is being played, as the exchange would show them."""

from collections.abc import Iterator

import msgspec

from common.archive.merged_replay import MergedReplay
from common.archive.replay import Replay, Row, read_archive
from common.archive.step import Step
from common.core.books.book import Book
from common.core.books.connection import Books
from common.core.books.hash import USUAL_TERMS, HashTerms
from common.core.events.market_events import MarketResolved
from common.core.events.rest_answer import read_checkpoint
from common.core.instants import NS_PER_SECOND
from common.core.recipes.recipe import VERSION_KEY
from common.core.rows.names import REST_CHECKPOINTS
from common.runtime.playback.moments import Item
from common.runtime.playback.options import LOOK_BACK_NS, Playback

UNSUBSCRIBED = "unsubscribed"  # the reason of a break that loses nothing
WINNERS_KEPT = 5000
TERMS_AHEAD_NS = 90 * NS_PER_SECOND  # what only REST tells of a market is taken from its next checkpoint too


class PlayedBooks:
    """Each token's book after the rows that were taken."""

    def __init__(self, terms: "RecordedTerms") -> None:
        self._merged, self._single = MergedReplay(), Replay()
        self._of: dict[str, Books] = {}
        self._winners: dict[str, None] = {}
        self._terms = terms

    def take(self, item: Item) -> dict[str, int]:
        """Apply an item; how many known books it voided, by the reason."""
        lost: dict[str, int] = {}
        steps = self._single.take(item) if isinstance(item, Row) else self._merged.take(item)
        for step in steps:
            if (
                step.broken is not None
                and (gone := self._forget(step))
                and step.broken.reason != UNSUBSCRIBED
            ):
                lost[step.broken.reason] = lost.get(step.broken.reason, 0) + gone
            if isinstance(step.event, MarketResolved) and step.event.winning_token_id:
                self._winners[step.event.winning_token_id] = None
                if len(self._winners) > WINNERS_KEPT:
                    del self._winners[next(iter(self._winners))]
            for token_id in step.token_ids:
                self._of[token_id] = step.books
        return lost

    def _forget(self, step: Step) -> int:
        assert step.broken is not None
        named = step.broken.token_ids
        of_books = [token_id for token_id, books in self._of.items() if books is step.books]
        gone = [token_id for token_id in of_books if named is None or token_id in named]
        for token_id in gone:
            del self._of[token_id]
        return len(gone)

    def book(self, token_id: str) -> Book | None:
        """A token's book, None where the recording does not know it at this instant."""
        books = self._of.get(token_id)
        return None if books is None else books.get(token_id)

    def has_won(self, token_id: str) -> bool:
        """Whether a `market_resolved` has named the token."""
        return token_id in self._winners

    def opening(self, token_id: str) -> str | None:
        """An element of the opening array: the book with the time and the hash that the exchange last gave it."""
        book = self.book(token_id)
        if book is None:
            return None
        tick = book.tick_size or self._terms.of(token_id).tick_size
        return (
            f"{_head(book)},{_text('tick_size', tick)},{_text('event_type', 'book')}"
            f",{_text('last_trade_price', self._last_trade(book))}{_version(book, self._terms.of(token_id))}}}"
        )

    def rest(self, token_id: str, at_ns: int) -> str | None:
        """The book as `POST /books` answers it, with what the recording's own checkpoints tell of its market."""
        book = self.book(token_id)
        if book is None:
            return None
        self.read_terms(at_ns)
        terms = self._terms.of(token_id)
        return (
            f"{_head(book)},{_text('min_order_size', terms.min_order_size)}"
            f',{_text("tick_size", book.tick_size or terms.tick_size)},"neg_risk":{str(terms.neg_risk).lower()}'
            f",{_text('last_trade_price', self._last_trade(book))}{_version(book, terms)}}}"
        )

    def read_terms(self, at_ns: int) -> None:
        """Follow the recording's checkpoints: a little each second, not hours of them when a book is asked for."""
        self._terms.read_until(at_ns + TERMS_AHEAD_NS)

    def _last_trade(self, book: Book) -> str:
        return next(iter(self._of[book.token_id].trade_prices(book.market)), "")


class RecordedTerms:
    """What only REST tells of markets, read from the recording's checkpoints as far as they are asked for."""

    def __init__(self, playback: Playback) -> None:
        self._rows: Iterator[Row] = read_archive(
            playback.paths,
            stream=REST_CHECKPOINTS,
            since=max((playback.since_ns or 0) - LOOK_BACK_NS, 0),
            until=playback.until_ns,
        )
        self._by_token: dict[str, HashTerms] = {}
        self._read_ns = 0

    def read_until(self, at_ns: int) -> None:
        """Read the checkpoints up to an instant. Raises ArchiveError where an archive is torn."""
        while self._read_ns <= at_ns and (row := next(self._rows, None)) is not None:
            self._read_ns = row.received_at_ns
            for book in read_checkpoint(row.payload_json):
                self._by_token[book.token_id] = book.terms

    def of(self, token_id: str) -> HashTerms:
        """Those of a token, the usual ones where no checkpoint told any."""
        return self._by_token.get(token_id, USUAL_TERMS)


def _head(book: Book) -> str:
    names = f"{_text('market', book.market)},{_text('asset_id', book.token_id)}"
    state = f'"timestamp":"{book.timestamp_ms}",{_text("hash", book.hash)}'
    return f'{{{names},{state},"bids":[{book.bid_ladder.json}],"asks":[{book.ask_ladder.json}]'


def _text(name: str, value: str) -> str:
    return f'"{name}":{msgspec.json.encode(value).decode()}'


def _version(book: Book, terms: HashTerms) -> str:
    version = book.extra.get(VERSION_KEY) or dict(terms.extra).get(VERSION_KEY)
    return f',"version":{version}' if version else ""
