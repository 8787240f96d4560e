"""Checks the books of one connection: each stated hash once, the best prices, and every checkpoint.

Time is the exchange's, in milliseconds, and goes on with the messages of the connection only: a stream that is
late, or a process that was stopped, makes nothing look wrong. Nor does a market whose time lags behind that of the
others: what it states may be completed, and may heal, for as long from when it came.
"""

from collections.abc import Iterable

import msgspec

from common.core.audit.checkpoints import CheckpointChecks
from common.core.audit.results import Result, Results
from common.core.audit.snapshots import SnapshotChecks
from common.core.audit.stated import StatedChecks
from common.core.audit.token import CheckedToken, Waiting
from common.core.books.book import Book
from common.core.books.checkpoint import CheckpointBook, differing_levels
from common.core.books.connection import Books
from common.core.events.market_events import BookSnapshot, MarketEvent, PriceChange, TickSizeChange, Unusable
from common.core.recipes.proof import HashProof

BATCH_MS = 250  # a batch is complete when the connection has gone on for so long
HEAL_MS = 1000  # a failed check that heals within this time is none


class BookChecks:
    """Applies events to the books and judges them. What comes of it waits in `results`.

    A divergence is a result at once. Where the exchange's book is not known then, it is settled when the next
    snapshot of the token, or a checkpoint of the same state, tells the differing levels. In between nothing is
    checked. There is no divergence by a hash recipe that has not agreed before.
    """

    def __init__(self, books: Books, proof: HashProof) -> None:
        """`proof` is shared by all connections."""
        self._books, self._proof = books, proof
        self.results = Results()
        self._checkpoints = CheckpointChecks(self.results, proof)
        self._snapshots = SnapshotChecks(self.results)
        self._stated = StatedChecks(books, proof, self.results, self._checkpoints)

    @property
    def now_ms(self) -> int:
        """The connection's time."""
        return self._stated.now_ms

    def thin_out(self, every_ms: int) -> None:
        """Check a change's hash of each token at most so often; 0 is every one."""
        self._stated.every_ms = every_ms

    # What comes

    def take(self, event: MarketEvent) -> None:
        """Apply an event of the stream and check what it states."""
        stated = self._stated
        match event:
            case PriceChange():
                changed = {change.token_id: change for change in event.changes}
                for token_id, change in changed.items():
                    stated.finish(token_id, unless=(event.timestamp_ms, change.hash or ""))
                self._snapshots.explain(event)
                for token_id in self._books.apply(event):
                    change = changed[token_id]
                    stated.state(token_id, best=(change.best_bid or "", change.best_ask or ""))
            case BookSnapshot():
                stated.finish(event.token_id, unless=(event.timestamp_ms, event.hash))
                self._compare(event)
                self._forget_later_times(event)
                for token_id in self._books.apply(event):
                    stated.state(token_id, best=None)
            case Unusable():
                self.reset(self._books.concerned(event))
            case TickSizeChange():
                stated.finish(event.token_id, unless=None)
                self._books.apply(event)
            case _:
                self._books.apply(event)
        for doubt in self._books.doubts:
            if isinstance(doubt, Unusable):
                self.reset(doubt.token_ids)

    def checkpoint(self, checkpoint: CheckpointBook, sequence: int) -> bool:
        """Compare a book of REST with the rebuilt one, now or when the stream has come as far.

        Whether it can be trusted: there is a rebuilt one, and it gives its own hash.
        """
        token_id, shown = checkpoint.token_id, checkpoint.book()
        outcome = self._proof.checkpoint(shown, checkpoint.terms, checkpoint.last_trade_price)
        book, token = self._books.get(token_id), self._stated.tokens.get(token_id)
        if book is None or token is None:
            self._checkpoints.refuse_without_book(checkpoint, sequence)
            return False
        self._proof.recipes.compare_values(book.extra, checkpoint.extra)
        self._checkpoints.take(token, book, Waiting(checkpoint, shown, sequence), outcome)
        if token.waiting:
            self._stated.active.add(token_id)
        return outcome == "proved"

    def judge(self, now_ms: int) -> None:
        """The connection has come to this exchange time: judge what cannot become better any more."""
        stated = self._stated
        now_ms = stated.now_ms = max(stated.now_ms, now_ms)
        self._snapshots.judge(now_ms - BATCH_MS)
        unhealed: list[tuple[CheckedToken, Book, Result]] = []
        for token_id in list(stated.active):
            token, book = stated.tokens.get(token_id), self._books.get(token_id)
            if token is None or book is None:
                stated.active.discard(token_id)
                continue
            if token.open is not None and now_ms - token.open_ms > BATCH_MS:
                stated.finish(token_id, unless=None)
            if token.failed is not None and now_ms - token.failed_ms > HEAL_MS:
                unhealed.append((token, book, token.failed))
            if token.waiting and (found := self._checkpoints.judge(token, book, now_ms)) is not None:
                self._diverge(token, found)
            if token.idle:
                stated.active.discard(token_id)
        for token, book, failed in unhealed:  # last: what fails with it says whether the recipe is in doubt
            if token.suspect is None and stated.is_wrong(token, book):
                self._diverge(token, failed)

    def reset(self, token_ids: Iterable[str] | None = None) -> None:
        """The books of these tokens, or of all, are void: nothing about them can be judged."""
        for token_id in list(self._stated.tokens) if token_ids is None else list(token_ids):
            token = self._stated.tokens.get(token_id)
            undecided = self._snapshots.drop(token_id)
            if token is None:
                continue
            book = self._books.get(token_id)
            if book is not None:
                self._stated.end_failed(token, book, "the book ended", self.now_ms)
            if undecided:
                self.results.amend(undecided, "not_checkable", "the book ended")
            self._forget(token_id)
        self._books.reset(token_ids)
        if token_ids is None:
            self._stated.now_ms = 0

    # Snapshots and divergences

    def _compare(self, snapshot: BookSnapshot) -> None:
        token, book = self._stated.tokens.get(snapshot.token_id), self._books.get(snapshot.token_id)
        if token is None or book is None:
            return
        self._proof.recipes.compare_values(book.extra, snapshot.extra)
        if token.suspect is None:
            trades = self._books.trade_prices(book.market)
            since_ms = self._stated.since(snapshot.timestamp_ms)
            self._snapshots.compare(
                token,
                book,
                snapshot,
                since_ms,
                holds=lambda shown: self._proof.holds(shown, trades),
                end_failed=lambda: self._stated.end_failed(
                    token, book, "healed by a snapshot", snapshot.timestamp_ms
                ),
            )
            return
        if not token.suspect.levels:
            levels = differing_levels(book, Book(snapshot))
            token.suspect = msgspec.structs.replace(token.suspect, levels=levels, levels_from="snapshot")
        self._forget(snapshot.token_id)
        self._books.reset([snapshot.token_id])

    def _forget_later_times(self, snapshot: BookSnapshot) -> None:
        """A book whose time goes back starts again: what was checked of it belongs to times that it never had."""
        book = self._books.get(snapshot.token_id)
        if (
            book is not None
            and snapshot.timestamp_ms < book.timestamp_ms
            and not book.is_repeat(snapshot.timestamp_ms, snapshot.hash)
        ):
            self.reset([snapshot.token_id])

    def _diverge(self, token: CheckedToken, result: Result) -> None:
        """From here on the book is only kept to be compared with the next snapshot."""
        batches = token.wrong_batches if token.failed is not None else 1
        self.results.found(msgspec.structs.replace(result, wrong_batches=batches))
        token.failed = token.open = None
        token.suspect = result

    def _forget(self, token_id: str) -> None:
        """Its book starts again: of a suspect one no more will be known."""
        token = self._stated.tokens.pop(token_id)
        suspect = token.suspect
        if suspect is None:
            return
        wrong_ms = max(self.now_ms - suspect.timestamp_ms, 0)
        ended = msgspec.structs.replace(
            suspect, verdict="healed", reason="it had diverged", wrong_ms=wrong_ms
        )
        self.results.found(msgspec.structs.replace(ended, wrong_batches=0, levels=()))
        if not token.settled:
            self.results.settle(suspect)
