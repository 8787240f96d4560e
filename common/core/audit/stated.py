"""Checks what the exchange states of a book as it is after a batch: its hash, and the best prices."""

import msgspec

from common.core.audit.checkpoints import CheckpointChecks
from common.core.audit.results import UNKNOWN_RECIPE, UNUSUAL_FORMS, Check, Result, Results, Verdict
from common.core.audit.token import CheckedToken, Stated
from common.core.books.book import Book
from common.core.books.connection import Books
from common.core.books.hash import HASH_DIGITS
from common.core.decimal_text import scaled
from common.core.recipes.proof import HashProof

_TRADES_TRIED = 3
_AHEAD_MS = 2000  # of the connection's time


class StatedChecks:
    """The tokens of one connection, each stated hash once.

    `active` are those of which something is left to be judged. `every_ms`: of each token a change's hash at most
    so often; each holds for the whole book. `now_ms` is the connection's time.
    """

    def __init__(
        self, books: Books, proof: HashProof, results: Results, checkpoints: CheckpointChecks
    ) -> None:
        self._books, self._proof, self._results, self._checkpoints = books, proof, results, checkpoints
        self.tokens: dict[str, CheckedToken] = {}
        self.active: set[str] = set()
        self.every_ms = 0
        self.now_ms = 0

    def since(self, stated_ms: int) -> int:
        """From when on a state of this time has time to be completed or to heal; a time far ahead counts as now."""
        return max(self.now_ms, stated_ms if not self.now_ms else min(stated_ms, self.now_ms + _AHEAD_MS))

    def state(self, token_id: str, *, best: tuple[str, str] | None) -> None:
        """The exchange stated hash and best prices of the book as it is now. `best` None: a snapshot did."""
        book = self._books.by_token[token_id]
        token = self.tokens.get(token_id)
        if token is None:
            token = self.tokens[token_id] = CheckedToken(book.timestamp_ms)
        of_change = best is not None
        stated = (book.timestamp_ms, book.hash)
        if token.suspect is not None:
            return
        if not of_change:
            token.is_proved = stated == token.done and self._still_holds(token, book)
        if stated == token.done:
            return
        if stated != token.open:
            token.open, token.best = stated, None
            token.stated.append(book.hash)
            token.stated_at.append(stated)
        token.open_ms = self.since(book.timestamp_ms)
        token.best, token.of_change = best or token.best, of_change
        is_soon = 0 <= book.timestamp_ms - token.verified_ms < self.every_ms
        if is_soon and of_change and token.failed is None:
            token.open = None
            return
        self.active.add(token_id)
        prices = self._books.trade_prices(book.market)[:_TRADES_TRIED] or ("",)
        bound = self._proof.quick(book, token.bound, prices, of_change=of_change)
        if bound is not None:
            token.bound = bound
            self._agree(token, book, "hash")

    def finish(self, token_id: str, *, unless: Stated | None) -> None:
        """The batch of a token is complete, unless what comes belongs to it: the last try."""
        token, book = self.tokens.get(token_id), self._books.get(token_id)
        if token is None or book is None or token.open is None or token.open == unless:
            return
        unknown = self._unknown(token, book)
        knowing = (self._proof.terms_of(token_id), self._proof.recipes.revision)
        in_vain = bool(unknown) and token.of_change and token.searched_with == knowing
        if len(book.hash) == HASH_DIGITS and not in_vain:
            token.searched_with = knowing
            if self._prove(token, book):
                return
            if not (token.of_change and unknown):
                self._proof.failed(book, of_change=token.of_change)
        if unknown:
            self._finish_by_best(token, book, unknown)
        else:
            self._fail(token, book, "hash", "the rebuilt book does not give the stated hash")

    def is_wrong(self, token: CheckedToken, book: Book) -> bool:
        """Whether a failed check that has not healed shows that the book is wrong.

        While the recipe is in doubt it waits for a hash that shows which of them is wrong.
        """
        failed = token.failed
        if failed is None:
            return False
        trust = self._proof.trust_of(book)
        revision, agreements = token.failed_knowing
        if not trust.is_proved or revision != self._proof.recipes.revision:
            self._results.amend(failed, "not_checkable", UNKNOWN_RECIPE)
            token.failed = None
            return False
        return not trust.in_doubt or trust.agreements > agreements

    def end_failed(self, token: CheckedToken, book: Book, reason: str, until_ms: int) -> None:
        """A failed check ends without a divergence, with the book right or replaced: it was wrong until then.

        Unless the recipe is in doubt, and the book was right perhaps.
        """
        failed, token.failed = token.failed, None
        if failed is None:
            return
        trust = self._proof.trust_of(book)
        knows = trust.is_proved and token.failed_knowing[0] == self._proof.recipes.revision
        if not knows or trust.in_doubt:
            self._results.amend(failed, "not_checkable", UNKNOWN_RECIPE)
            return
        wrong_ms = max(until_ms - failed.timestamp_ms, 0)
        self._results.found(
            msgspec.structs.replace(
                failed, verdict="healed", reason=reason, wrong_batches=token.wrong_batches, wrong_ms=wrong_ms
            )
        )

    def _still_holds(self, token: CheckedToken, book: Book) -> bool:
        return self._proof.still_holds(book, token.bound, self._books.trade_prices(book.market))

    def _prove(self, token: CheckedToken, book: Book) -> bool:
        trades = self._books.trade_prices(book.market)
        found = self._proof.thorough(book, token.bound, trades, of_change=token.of_change)
        if found is None:
            return False
        token.bound, match = found
        if match.trade_price is not None:
            self._books.note_trade(book.market, match.trade_price)
        self._agree(token, book, "hash")
        return True

    def _unknown(self, token: CheckedToken, book: Book) -> str:
        """Why a hash that fails would show nothing; empty where it shows that the book is wrong."""
        if len(book.hash) != HASH_DIGITS:
            return "no hash"
        if self._proof.terms_of(book.token_id) is None:
            return "no checkpoint yet"
        if not book.tick_size:
            return "no tick size yet"
        if book.written and not self._proof.trust_of(book).unusual_forms_agree:
            return UNUSUAL_FORMS
        accuses = token.of_change and self._proof.may_accuse(book, token.proved_by)
        return "" if accuses else UNKNOWN_RECIPE

    def _finish_by_best(self, token: CheckedToken, book: Book, reason: str) -> None:
        """Without a hash the best prices show what is wrong, if they were right where hashes agreed."""
        self._results.give("hash", "not_checkable", book.token_id, book.timestamp_ms, reason)
        if token.best is not None and all(token.best):
            if _best_agrees(book, token.best):
                self._agree(token, book, "best")
                return
            if reason not in {UNKNOWN_RECIPE, UNUSUAL_FORMS} and self._proof.trust_of(book).best_agrees:
                self._fail(token, book, "best", "the best prices are not those that the exchange tells")
                return
        token.done, token.open = token.open, None

    def _agree(self, token: CheckedToken, book: Book, check: Check) -> None:
        of_snapshot = token.best is None
        self._results.found(Result(check, "agree", book.token_id, book.timestamp_ms, of_snapshot=of_snapshot))
        if check == "hash":
            token.is_proved = True
            if book.written:
                self._proof.trust_of(book).unusual_forms_agree = True
            token.verified.append(book.hash)
            token.verified_at.append((book.timestamp_ms, book.hash))
            token.verified_ms = book.timestamp_ms
            if token.best is not None and all(token.best):
                self._compare_best(token, book, token.best)
        if token.failed is not None and check in {"hash", token.failed.check}:
            self.end_failed(token, book, "healed by the changes that followed", book.timestamp_ms)
        token.done, token.open = token.open, None
        if token.waiting:
            self._checkpoints.retry(token, book)

    def _compare_best(self, token: CheckedToken, book: Book, best: tuple[str, str]) -> None:
        """The hash is right: what the exchange tells of the best prices may still be wrong."""
        right = _best_agrees(book, best)
        reason = "" if right else "the best prices contradict the hash"
        verdict: Verdict = "agree" if right else "not_checkable"
        if token.bound is not None:
            token.bound.trust.best_agrees = right
        self._results.give("best", verdict, book.token_id, book.timestamp_ms, reason)

    def _fail(self, token: CheckedToken, book: Book, check: Check, reason: str) -> None:
        token.done, token.open = None, None
        if token.failed is None:
            token.failed = Result(check, "divergence", book.token_id, book.timestamp_ms, reason)
            token.failed_ms = self.since(book.timestamp_ms)
            agreements = self._proof.trust_of(book).agreements
            token.failed_knowing = (self._proof.recipes.revision, agreements)
            token.wrong_batches = 0
            self.active.add(book.token_id)
        token.wrong_batches += 1


def _best_agrees(book: Book, best: tuple[str, str]) -> bool:
    """An empty side is told as 0 or 1."""
    bid, ask = book.best_bid or "0", book.best_ask or "1"
    try:
        return (scaled(bid), scaled(ask)) == (scaled(best[0]), scaled(best[1]))
    except ValueError:
        return True  # told in no number: nothing to compare
