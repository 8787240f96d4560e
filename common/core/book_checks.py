"""Checks the books of one connection: each stated hash once, the best prices, and every checkpoint.

Time is the exchange's, in milliseconds, and goes on with the messages of the connection only: a stream that is
late, or a process that was stopped, makes nothing look wrong.
"""

from collections import deque
from collections.abc import Iterable
from typing import Literal

import msgspec

from common.core.book import Book
from common.core.book_hash import HashTerms, book_hash, matching_trade_price
from common.core.books import Books
from common.core.checkpoint_book import CheckpointBook, DifferingLevel, differing_levels, same_levels
from common.core.decimal_text import scaled
from common.core.market_events import BookSnapshot, MarketEvent, PriceChange, TickSizeChange

Check = Literal["hash", "best", "checkpoint"]
Verdict = Literal["agree", "agree_late", "size_only", "divergence", "not_checkable"]

BATCH_MS = 250  # a batch is complete when the connection is so far past it
HEAL_MS = 1000  # a failed check that heals within this time is none
REST_AHEAD_MS = 2000  # how far past a checkpoint the stream must be to be blamed for not having shown it
_KNOWN = 256  # hashes remembered of each token: seconds of the busiest book
_WAITING = 4  # checkpoints that wait for the stream, of each token
_TRADES_TRIED = 3


class Result(msgspec.Struct, frozen=True):
    """One check of one token at an exchange time. `levels` differ where both books are known."""

    check: Check
    verdict: Verdict
    token_id: str
    timestamp_ms: int
    reason: str = ""
    checkpoint_sequence: int | None = None
    levels: tuple[DifferingLevel, ...] = ()


class _Waiting(msgspec.Struct, frozen=True):
    checkpoint: CheckpointBook
    book: Book
    sequence: int


class _Contradiction(msgspec.Struct):
    """A snapshot of a state that changes had told before differs from what they made of the book.

    The rest of their batch may still explain it: `levels`, by side and price, are what is left unexplained.
    """

    stated: tuple[int, str]
    levels: dict[tuple[str, str], DifferingLevel]
    failed: Result | None


class _Token:
    def __init__(self) -> None:
        self.open: tuple[int, str] | None = None  # stated, and not yet found to agree
        self.done: tuple[int, str] | None = None
        self.best: tuple[str, str] | None = None
        self.first_ms = 0
        self.stated: deque[str] = deque(maxlen=_KNOWN)
        self.verified: deque[str] = deque(maxlen=_KNOWN)
        self.verified_ms = 0
        self.failed: Result | None = None
        self.suspect: Result | None = None
        self.waiting: list[_Waiting] = []

    @property
    def idle(self) -> bool:
        return not (self.open or self.failed or self.waiting)


class BookChecks:
    """Applies events to the books and judges them. Results wait for `take_results`.

    A divergence is a result at once; where the exchange's book is not known then, a second result of the same
    token tells the differing `levels` when its next snapshot comes (`settled`). In between nothing is checked.
    """

    def __init__(self, books: Books, terms: dict[str, HashTerms]) -> None:
        """`terms` by token id, shared by all connections: only checkpoints tell them."""
        self._books, self._terms = books, terms
        self._tokens: dict[str, _Token] = {}
        self._active: set[str] = set()
        self._contradicted: dict[str, _Contradiction] = {}
        self._results: list[Result] = []
        self._settled: list[Result] = []
        self.now_ms = 0

    # What comes

    def take(self, event: MarketEvent) -> None:
        """Apply an event of the stream and check what it states."""
        match event:
            case PriceChange():
                stated = {change.token_id: change for change in event.changes}
                for token_id, change in stated.items():
                    self._finish(token_id, unless=(event.timestamp_ms, change.hash or ""))
                if self._contradicted:
                    self._explain(event)
                touched = self._books.apply(event)
                for token_id in touched:
                    change = stated[token_id]
                    self._state(token_id, best=(change.best_bid or "", change.best_ask or ""))
            case BookSnapshot():
                self._finish(event.token_id, unless=(event.timestamp_ms, event.hash))
                self._settle(event)
                self._compare(event)
                for token_id in self._books.apply(event):
                    self._state(token_id, best=None)
            case TickSizeChange():
                self._finish(event.token_id, unless=None)
                self._books.apply(event)
            case _:
                self._books.apply(event)

    def checkpoint(self, checkpoint: CheckpointBook, sequence: int) -> None:
        """Compare a book of REST with the rebuilt one, now or when the stream has come as far."""
        token_id, at_ms = checkpoint.token_id, checkpoint.timestamp_ms
        book, token = self._books.get(token_id), self._tokens.get(token_id)
        if book is None or token is None:
            self._give("checkpoint", "not_checkable", token_id, at_ms, "no snapshot yet", sequence)
            return
        if token.suspect is not None:
            self._give(
                "checkpoint", "not_checkable", token_id, at_ms, "no snapshot since it diverged", sequence
            )
            return
        shown = checkpoint.book()
        if not checkpoint.keeps_its_hash(shown):
            self._give(
                "checkpoint", "not_checkable", token_id, at_ms, "it contradicts its own hash", sequence
            )
        elif at_ms < token.first_ms:
            self._give("checkpoint", "not_checkable", token_id, at_ms, "older than the snapshot", sequence)
        else:
            waiting = _Waiting(checkpoint, shown, sequence)
            if not self._matches(token, book, waiting, late=False):
                token.waiting = [*token.waiting, waiting][-_WAITING:]
                self._active.add(token_id)

    def judge(self, now_ms: int) -> None:
        """The connection has come to this exchange time: judge what cannot become better any more."""
        self.now_ms = max(self.now_ms, now_ms)
        if self._contradicted:
            self._judge_contradictions()
        for token_id in list(self._active):
            token, book = self._tokens.get(token_id), self._books.get(token_id)
            if token is None or book is None:
                self._active.discard(token_id)
                continue
            if token.open is not None and self.now_ms - token.open[0] > BATCH_MS:
                self._finish(token_id, unless=None)
            if token.failed is not None and self.now_ms - token.failed.timestamp_ms > HEAL_MS:
                self._diverge(token, token.failed)
            for waiting in list(token.waiting):
                self._judge_waiting(token, book, waiting)
            if token.idle:
                self._active.discard(token_id)

    def reset(self, token_ids: Iterable[str] | None = None) -> None:
        """The books of these tokens, or of all, are void: nothing about them can be judged."""
        gone = list(self._tokens) if token_ids is None else list(token_ids)
        for token_id in gone:
            token = self._tokens.pop(token_id, None)
            if token is not None and token.suspect is not None:
                self._settled.append(token.suspect)
            contradiction = self._contradicted.pop(token_id, None)
            failed = token.failed if token is not None else None
            failed = failed or (contradiction.failed if contradiction is not None else None)
            if failed is not None:
                self._give(failed.check, "not_checkable", token_id, failed.timestamp_ms, "the book ended")
        self._books.reset(token_ids)

    def take_results(self) -> list[Result]:
        """What was judged since the last call."""
        results, self._results = self._results, []
        return results

    def take_settled(self) -> list[Result]:
        """Divergences of which no more will be known, with their differing levels where they became known."""
        settled, self._settled = self._settled, []
        return settled

    # Hashes and best prices

    def _state(self, token_id: str, *, best: tuple[str, str] | None) -> None:
        """The exchange stated hash and best prices of the book as it is after this batch."""
        book = self._books.by_token[token_id]
        token = self._tokens.get(token_id)
        if token is None:
            token = self._tokens[token_id] = _Token()
            token.first_ms = book.timestamp_ms
        if token.suspect is not None:
            return
        stated = (book.timestamp_ms, book.hash)
        if stated == token.done:
            return
        if stated != token.open:
            token.open, token.best = stated, None
            token.stated.append(book.hash)
        token.best = best or token.best
        self._active.add(token_id)
        terms = self._terms.get(token_id)
        prices = list(self._books.trade_prices(book.market))[:_TRADES_TRIED] or [""]
        if terms is not None and any(book_hash(book, terms, price) == book.hash for price in prices):
            self._agree(token, book, "hash")

    def _finish(self, token_id: str, *, unless: tuple[int, str] | None) -> None:
        """The batch of a token is complete, unless what comes belongs to it: the last try."""
        token, book = self._tokens.get(token_id), self._books.get(token_id)
        if token is None or book is None or token.open is None or token.open == unless:
            return
        terms = self._terms.get(token_id)
        if terms is None or not book.hash:
            self._finish_by_best(token, book, "no checkpoint yet" if terms is None else "no hash")
            return
        found = matching_trade_price(book, terms, self._books.trade_prices(book.market))
        if found is None:
            self._fail(token, book, "hash", "the rebuilt book does not give the stated hash")
            return
        if found.price is not None:
            self._books.note_trade(book.market, found.price)
        self._agree(token, book, "hash")

    def _finish_by_best(self, token: _Token, book: Book, reason: str) -> None:
        self._give("hash", "not_checkable", book.token_id, book.timestamp_ms, reason)
        if token.best is None or not all(token.best):
            token.done, token.open = token.open, None
        elif _best_agrees(book, token.best):
            self._agree(token, book, "best")
        else:
            self._fail(token, book, "best", "the best prices are not those that the exchange tells")

    def _agree(self, token: _Token, book: Book, check: Check) -> None:
        self._give(check, "agree", book.token_id, book.timestamp_ms)
        if check == "hash":
            token.verified.append(book.hash)
            token.verified_ms = book.timestamp_ms
            if token.best is not None and all(token.best):
                right = _best_agrees(book, token.best)
                reason = "" if right else "the best prices contradict the hash"
                verdict: Verdict = "agree" if right else "not_checkable"
                self._give("best", verdict, book.token_id, book.timestamp_ms, reason)
        if token.failed is not None:
            failed, token.failed = token.failed, None
            self._give(failed.check, "agree_late", book.token_id, failed.timestamp_ms, "healed by itself")
        token.done, token.open = token.open, None
        for waiting in list(token.waiting):
            if self._matches(token, book, waiting, late=True):
                token.waiting.remove(waiting)

    def _fail(self, token: _Token, book: Book, check: Check, reason: str) -> None:
        token.done, token.open = None, None
        if token.failed is None:
            token.failed = Result(check, "divergence", book.token_id, book.timestamp_ms, reason)
            self._active.add(book.token_id)

    # Snapshots

    def _compare(self, snapshot: BookSnapshot) -> None:
        """A snapshot of the state that the changes told last must hold the levels that they made.

        One that comes with a state of its own proves nothing: changes may be on their way.
        """
        token_id, stated = snapshot.token_id, (snapshot.timestamp_ms, snapshot.hash)
        token, book = self._tokens.get(token_id), self._books.get(token_id)
        if token is None or book is None or token.suspect is not None or stated == token.done:
            return
        told = snapshot.hash and stated == (book.timestamp_ms, book.hash)
        if not told and (token.failed is None or snapshot.timestamp_ms < book.timestamp_ms):
            return
        levels = differing_levels(book, Book(snapshot))
        if levels and told:
            left = {(level.side, level.price): level for level in levels}
            self._contradicted[token_id] = _Contradiction(stated, left, token.failed)
            token.failed = None
        elif levels and token.failed is not None:
            failed, token.failed = token.failed, None
            reason = "a snapshot came before it was told"
            self._give(failed.check, "not_checkable", token_id, failed.timestamp_ms, reason)

    def _explain(self, event: PriceChange) -> None:
        for change in event.changes:
            contradiction = self._contradicted.get(change.token_id)
            if contradiction is not None and contradiction.stated == (event.timestamp_ms, change.hash):
                side = "bid" if change.side == "BUY" else "ask"
                contradiction.levels.pop((side, change.price), None)

    def _judge_contradictions(self) -> None:
        for token_id, each in list(self._contradicted.items()):
            timestamp_ms, _ = each.stated
            if self.now_ms - timestamp_ms <= BATCH_MS:
                continue
            del self._contradicted[token_id]
            if each.levels:
                found = each.failed or Result("hash", "divergence", token_id, timestamp_ms)
                reason = "the snapshot of the stated hash holds other levels"
                levels = tuple(each.levels.values())
                result = msgspec.structs.replace(found, reason=reason, levels=levels)
                self._results.append(result)
                self._settled.append(result)
            elif each.failed is not None:
                failed = each.failed
                self._give(failed.check, "agree_late", token_id, failed.timestamp_ms, "healed by itself")

    # Checkpoints

    def _matches(self, token: _Token, book: Book, waiting: _Waiting, *, late: bool) -> bool:
        shown = waiting.checkpoint
        now = shown.hash == book.hash or shown.timestamp_ms == book.timestamp_ms
        equal = same_levels(book, waiting.book)
        if equal or shown.hash in token.verified:
            verdict: Verdict = "agree" if equal and now and not late else "agree_late"
            self._give("checkpoint", verdict, book.token_id, shown.timestamp_ms, "", waiting.sequence)
            return True
        return False

    def _judge_waiting(self, token: _Token, book: Book, waiting: _Waiting) -> None:
        shown = waiting.checkpoint
        if token.suspect is None and self._matches(token, book, waiting, late=True):
            token.waiting.remove(waiting)
            return
        if (
            self.now_ms - shown.timestamp_ms <= REST_AHEAD_MS
            or token.open is not None
            or token.failed is not None
        ):
            return
        token.waiting.remove(waiting)
        if token.suspect is not None:
            reason = "no snapshot since it diverged"
        elif token.verified_ms > shown.timestamp_ms:
            reason = "the stream went past it"
        elif shown.hash in token.stated and not token.verified:
            reason = "the first checkpoint tells what hashes hold"
        else:
            self._differ(token, book, waiting)
            return
        self._give("checkpoint", "not_checkable", book.token_id, shown.timestamp_ms, reason, waiting.sequence)

    def _differ(self, token: _Token, book: Book, waiting: _Waiting) -> None:
        levels = differing_levels(book, waiting.book)
        sizes_only = all("0" not in (level.rebuilt, level.exchange) for level in levels)
        result = Result(
            "checkpoint",
            "size_only" if sizes_only else "divergence",
            book.token_id,
            waiting.checkpoint.timestamp_ms,
            "the stream did not bring what the checkpoint shows",
            waiting.sequence,
            levels,
        )
        if sizes_only:
            self._results.append(result)
        else:
            self._diverge(token, result)

    # Divergences

    def _diverge(self, token: _Token, result: Result) -> None:
        """From here on the book is only kept to be compared with the next snapshot."""
        self._results.append(result)
        token.failed = token.open = None
        token.suspect = result

    def _settle(self, snapshot: BookSnapshot) -> None:
        token, book = self._tokens.get(snapshot.token_id), self._books.get(snapshot.token_id)
        if token is None or book is None or token.suspect is None:
            return
        levels = token.suspect.levels or differing_levels(book, Book(snapshot))
        self._settled.append(msgspec.structs.replace(token.suspect, levels=levels))
        del self._tokens[snapshot.token_id]
        self._books.reset([snapshot.token_id])

    def _give(
        self,
        check: Check,
        verdict: Verdict,
        token_id: str,
        timestamp_ms: int,
        reason: str = "",
        sequence: int | None = None,
    ) -> None:
        self._results.append(Result(check, verdict, token_id, timestamp_ms, reason, sequence))


def _best_agrees(book: Book, best: tuple[str, str]) -> bool:
    """An empty side is told as 0 or 1."""
    bid, ask = book.best_bid or "0", book.best_ask or "1"
    try:
        return (scaled(bid), scaled(ask)) == (scaled(best[0]), scaled(best[1]))
    except ValueError:
        return True  # told in no number: nothing to compare
