"""Checks the books of one connection: each stated hash once, the best prices, and every checkpoint.

Time is the exchange's, in milliseconds, and goes on with the messages of the connection only: a stream that is
late, or a process that was stopped, makes nothing look wrong. Nor does a market whose time lags behind that of the
others: what it states may be completed, and may heal, for as long from when it came.
"""

from collections.abc import Iterable

import msgspec

from common.core.book import Book
from common.core.book_hash import HashTerms, matched, matched_with_any_price
from common.core.books import Books
from common.core.check_results import Check, Result, Results, Verdict
from common.core.checked_token import CheckedToken
from common.core.checkpoint_book import CheckpointBook, differing_levels
from common.core.checkpoint_checks import CheckpointChecks
from common.core.decimal_text import scaled
from common.core.market_events import BookSnapshot, MarketEvent, PriceChange, TickSizeChange, Unusable
from common.core.snapshot_checks import SnapshotChecks

BATCH_MS = 250  # a batch is complete when the connection has gone on for so long
HEAL_MS = 1000  # a failed check that heals within this time is none
_TRADES_TRIED = 3
_USUAL_TERMS = HashTerms(
    "5", neg_risk=False
)  # of all Bitcoin markets so far; one hash that holds proves them


class BookChecks:
    """Applies events to the books and judges them. What comes of it waits in `results`.

    A divergence is a result at once. Where the exchange's book is not known then, it is settled when the next
    snapshot of the token, or a checkpoint of the same state, tells the differing levels. In between nothing is
    checked.
    """

    def __init__(self, books: Books, terms: dict[str, HashTerms]) -> None:
        """`terms` by token id, shared by all connections: only checkpoints tell them."""
        self._books, self._terms = books, terms
        self._tokens: dict[str, CheckedToken] = {}
        self._active: set[str] = set()
        self.results = Results()
        self.every_ms = 0  # of each token a hash at most so often; each holds for the whole book
        self._checkpoints = CheckpointChecks(self.results)
        self._snapshots = SnapshotChecks(self.results)
        self.now_ms = 0

    # What comes

    def take(self, event: MarketEvent) -> None:
        """Apply an event of the stream and check what it states."""
        match event:
            case PriceChange():
                stated = {change.token_id: change for change in event.changes}
                for token_id, change in stated.items():
                    self._finish(token_id, unless=(event.timestamp_ms, change.hash or ""))
                self._snapshots.explain(event)
                for token_id in self._books.apply(event):
                    change = stated[token_id]
                    self._state(token_id, best=(change.best_bid or "", change.best_ask or ""))
            case BookSnapshot():
                self._finish(event.token_id, unless=(event.timestamp_ms, event.hash))
                self._compare(event)
                for token_id in self._books.apply(event):
                    self._state(token_id, best=None)
            case Unusable():
                self.reset(self._books.concerned(event))
            case TickSizeChange():
                self._finish(event.token_id, unless=None)
                self._books.apply(event)
            case _:
                self._books.apply(event)

    def checkpoint(self, checkpoint: CheckpointBook, sequence: int) -> None:
        """Compare a book of REST with the rebuilt one, now or when the stream has come as far."""
        token_id = checkpoint.token_id
        book, token = self._books.get(token_id), self._tokens.get(token_id)
        if book is None or token is None:
            self._checkpoints.refuse_without_book(checkpoint, sequence)
            return
        self._checkpoints.take(token, book, checkpoint, sequence)
        if token.waiting:
            self._active.add(token_id)

    def judge(self, now_ms: int) -> None:
        """The connection has come to this exchange time: judge what cannot become better any more."""
        self.now_ms = max(self.now_ms, now_ms)
        self._snapshots.judge(self.now_ms - BATCH_MS)
        for token_id in list(self._active):
            token, book = self._tokens.get(token_id), self._books.get(token_id)
            if token is None or book is None:
                self._active.discard(token_id)
                continue
            if token.open is not None and self.now_ms - token.open_ms > BATCH_MS:
                self._finish(token_id, unless=None)
            if token.failed is not None and self.now_ms - token.failed_ms > HEAL_MS:
                self._diverge(token, token.failed)
            if token.waiting and (found := self._checkpoints.judge(token, book, self.now_ms)) is not None:
                self._diverge(token, found)
            if token.idle:
                self._active.discard(token_id)

    def reset(self, token_ids: Iterable[str] | None = None) -> None:
        """The books of these tokens, or of all, are void: nothing about them can be judged."""
        for token_id in list(self._tokens) if token_ids is None else list(token_ids):
            token = self._tokens.get(token_id)
            undecided = self._snapshots.drop(token_id)
            if token is None:
                continue
            if failed := token.failed or undecided:
                self.results.amend(failed, "not_checkable", "the book ended")
            self._forget(token_id)
        self._books.reset(token_ids)
        if token_ids is None:
            self.now_ms = 0

    # Hashes and best prices

    def _state(self, token_id: str, *, best: tuple[str, str] | None) -> None:
        """The exchange stated hash and best prices of the book as it is after this batch."""
        book = self._books.by_token[token_id]
        token = self._tokens.get(token_id)
        if token is None:
            token = self._tokens[token_id] = CheckedToken(book.timestamp_ms)
        stated = (book.timestamp_ms, book.hash)
        if token.suspect is not None or stated == token.done:
            return
        if stated != token.open:
            token.open, token.best = stated, None
            token.stated.append(book.hash)
        token.open_ms = self._since(book.timestamp_ms)
        token.best = best or token.best
        if token.failed is None and 0 <= book.timestamp_ms - token.verified_ms < self.every_ms:
            token.open = None
            return
        self._active.add(token_id)
        terms = self._terms.get(token_id, _USUAL_TERMS)
        prices = self._books.trade_prices(book.market)[:_TRADES_TRIED] or ("",)
        if (found := matched(book, terms, prices)) is not None:
            self._terms[token_id] = terms
            book.tick_size = found.tick_size
            self._agree(token, book, "hash")

    def _finish(self, token_id: str, *, unless: tuple[int, str] | None) -> None:
        """The batch of a token is complete, unless what comes belongs to it: the last try."""
        token, book = self._tokens.get(token_id), self._books.get(token_id)
        if token is None or book is None or token.open is None or token.open == unless:
            return
        terms = self._terms.get(token_id)
        if not book.hash:
            self._finish_by_best(token, book, "no hash")
            return
        unknown = "no checkpoint yet" if terms is None else "" if book.tick_size else "no tick size yet"
        terms = terms or _USUAL_TERMS
        if unknown and token.searched_with == terms:
            self._finish_by_best(token, book, unknown)
            return
        token.searched_with = terms
        found = matched_with_any_price(book, terms, self._books.trade_prices(book.market))
        if found is not None:
            self._terms[token_id] = terms
            book.tick_size = found.tick_size
            if found.trade_price is not None:
                self._books.note_trade(book.market, found.trade_price)
            self._agree(token, book, "hash")
        elif unknown:
            self._finish_by_best(token, book, unknown)
        else:
            self._fail(token, book, "hash", "the rebuilt book does not give the stated hash")

    def _finish_by_best(self, token: CheckedToken, book: Book, reason: str) -> None:
        self.results.give("hash", "not_checkable", book.token_id, book.timestamp_ms, reason)
        if token.best is None or not all(token.best):
            token.done, token.open = token.open, None
        elif _best_agrees(book, token.best):
            self._agree(token, book, "best")
        else:
            self._fail(token, book, "best", "the best prices are not those that the exchange tells")

    def _agree(self, token: CheckedToken, book: Book, check: Check) -> None:
        of_snapshot = token.best is None
        self.results.found(Result(check, "agree", book.token_id, book.timestamp_ms, of_snapshot=of_snapshot))
        if check == "hash":
            token.verified.append(book.hash)
            token.verified_ms = book.timestamp_ms
            if token.best is not None and all(token.best):
                right = _best_agrees(book, token.best)
                reason = "" if right else "the best prices contradict the hash"
                verdict: Verdict = "agree" if right else "not_checkable"
                self.results.give("best", verdict, book.token_id, book.timestamp_ms, reason)
        if token.failed is not None:
            failed, token.failed = token.failed, None
            self.results.amend(failed, "agree_late", "healed by itself")
        token.done, token.open = token.open, None
        if token.waiting:
            self._checkpoints.retry(token, book)

    def _fail(self, token: CheckedToken, book: Book, check: Check, reason: str) -> None:
        token.done, token.open = None, None
        if token.failed is None:
            token.failed = Result(check, "divergence", book.token_id, book.timestamp_ms, reason)
            token.failed_ms = self._since(book.timestamp_ms)
            self._active.add(book.token_id)

    def _since(self, stated_ms: int) -> int:
        """From when on a state of this time has time to be completed or to heal."""
        return max(self.now_ms, stated_ms)

    # Snapshots and divergences

    def _compare(self, snapshot: BookSnapshot) -> None:
        token, book = self._tokens.get(snapshot.token_id), self._books.get(snapshot.token_id)
        if token is None or book is None:
            return
        if token.suspect is None:
            self._snapshots.compare(token, book, snapshot, self._since(snapshot.timestamp_ms))
            return
        if not token.suspect.levels:
            levels = differing_levels(book, Book(snapshot))
            token.suspect = msgspec.structs.replace(token.suspect, levels=levels, levels_from="snapshot")
        self._forget(snapshot.token_id)
        self._books.reset([snapshot.token_id])

    def _diverge(self, token: CheckedToken, result: Result) -> None:
        """From here on the book is only kept to be compared with the next snapshot."""
        self.results.found(result)
        token.failed = token.open = None
        token.suspect = result

    def _forget(self, token_id: str) -> None:
        """Its book begins anew: of a suspect one no more will be known."""
        token = self._tokens.pop(token_id)
        if token.suspect is not None and not token.settled:
            self.results.settle(token.suspect)


def _best_agrees(book: Book, best: tuple[str, str]) -> bool:
    """An empty side is told as 0 or 1."""
    bid, ask = book.best_bid or "0", book.best_ask or "1"
    try:
        return (scaled(bid), scaled(ask)) == (scaled(best[0]), scaled(best[1]))
    except ValueError:
        return True  # told in no number: nothing to compare
