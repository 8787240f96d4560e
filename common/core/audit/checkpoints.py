"""Compares the books of REST with the rebuilt ones, now or when the stream has come as far."""

import msgspec

from common.core.audit.results import UNKNOWN_RECIPE, Result, Results, Verdict
from common.core.audit.token import CheckedToken, Waiting
from common.core.books.book import Book
from common.core.books.checkpoint import CheckpointBook, differing_levels, same_levels
from common.core.recipes.proof import HashProof, Outcome

REST_AHEAD_MS = 2000  # how far past a checkpoint the stream must be to be blamed for not having shown it
_WAITING = 4  # checkpoints that wait for the stream, of each token


class CheckpointChecks:
    """The comparisons; what waits for the stream waits at its token."""

    def __init__(self, results: Results, proof: HashProof) -> None:
        self._results, self._proof = results, proof

    def take(self, token: CheckedToken, book: Book, waiting: Waiting, outcome: Outcome) -> None:
        """Compare a checkpoint of a token that has a book; `outcome` is that of its own hash."""
        checkpoint, sequence = waiting.checkpoint, waiting.sequence
        if token.suspect is not None:
            self._show_levels(token, token.suspect, book, checkpoint)
            self._refuse(checkpoint, sequence, "no snapshot since it diverged")
            return
        if outcome == "no hash":
            self._refuse(checkpoint, sequence, outcome)
        elif outcome == "contradicts itself":
            self._refuse(checkpoint, sequence, "it contradicts its own hash")
        elif outcome == "unknown recipe":
            self._refuse(checkpoint, sequence, UNKNOWN_RECIPE)
        elif checkpoint.timestamp_ms < token.first_ms:
            self._refuse(checkpoint, sequence, "older than the snapshot")
        elif not self._matches(token, book, waiting, late=False):
            token.waiting = [*token.waiting, waiting][-_WAITING:]

    def refuse_without_book(self, checkpoint: CheckpointBook, sequence: int) -> None:
        """There is no book to compare it with."""
        self._refuse(checkpoint, sequence, "no snapshot yet")

    def retry(self, token: CheckedToken, book: Book) -> None:
        """A stated hash was found to hold: perhaps it is what a checkpoint waits for."""
        for waiting in list(token.waiting):
            if self._matches(token, book, waiting, late=True):
                token.waiting.remove(waiting)

    def judge(self, token: CheckedToken, book: Book, now_ms: int) -> Result | None:
        """Judge what waits and cannot become better any more; a divergence is the caller's to tell."""
        for waiting in list(token.waiting):
            if token.suspect is None and self._matches(token, book, waiting, late=True):
                token.waiting.remove(waiting)
            elif now_ms - waiting.checkpoint.timestamp_ms > REST_AHEAD_MS and not (
                token.open or token.failed
            ):
                token.waiting.remove(waiting)
                if (diverged := self._give_up(token, book, waiting)) is not None:
                    return diverged
        return None

    def _show_levels(
        self, token: CheckedToken, suspect: Result, book: Book, checkpoint: CheckpointBook
    ) -> None:
        """A checkpoint of the very state that the stream told last shows what the rebuilt book has wrong."""
        if token.settled or checkpoint.hash != book.hash:
            return
        if not suspect.levels:
            levels = differing_levels(book, checkpoint.book())
            suspect = msgspec.structs.replace(suspect, levels=levels, levels_from="checkpoint")
        self._results.settle(suspect)
        token.settled = True

    def _matches(self, token: CheckedToken, book: Book, waiting: Waiting, *, late: bool) -> bool:
        shown = waiting.checkpoint
        now = shown.hash == book.hash or shown.timestamp_ms == book.timestamp_ms
        equal = same_levels(book, waiting.book)
        if not equal and shown.hash not in token.verified:
            return False
        verdict: Verdict = "agree" if equal and now and not late else "agree_late"
        self._results.give("checkpoint", verdict, book.token_id, shown.timestamp_ms, "", waiting.sequence)
        return True

    def _give_up(self, token: CheckedToken, book: Book, waiting: Waiting) -> Result | None:
        shown = waiting.checkpoint
        if token.suspect is not None:
            self._refuse(shown, waiting.sequence, "no snapshot since it diverged")
        elif self._is_refuted(token, waiting):
            self._results.give(
                "checkpoint",
                "rest_wrong",
                book.token_id,
                shown.timestamp_ms,
                "the stream proved another book of this time",
                waiting.sequence,
            )
        elif token.verified_ms > shown.timestamp_ms:
            self._refuse(shown, waiting.sequence, "the stream went past it")
        elif shown.hash in token.stated and not token.verified:
            self._refuse(shown, waiting.sequence, "the first checkpoint tells what hashes hold")
        elif not self._proof.may_accuse(book, token.proved_by):
            self._refuse(shown, waiting.sequence, UNKNOWN_RECIPE)
        else:
            return self._differ(book, waiting)
        return None

    def _is_refuted(self, token: CheckedToken, waiting: Waiting) -> bool:
        """Whether the stream's own hashes prove all that the book was at the checkpoint's time, and it was never so."""
        shown = waiting.checkpoint
        stated = {digest for at_ms, digest in token.stated_at if at_ms == shown.timestamp_ms}
        if not stated or shown.hash in stated:
            return False
        verified = {digest for at_ms, digest in token.verified_at if at_ms == shown.timestamp_ms}
        return stated == verified and not any(self._proof.gives(waiting.book, each) for each in verified)

    def _differ(self, book: Book, waiting: Waiting) -> Result | None:
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
            "checkpoint",
        )
        if sizes_only:
            self._results.found(result)
        return None if sizes_only else result

    def _refuse(self, checkpoint: CheckpointBook, sequence: int, reason: str) -> None:
        at_ms = checkpoint.timestamp_ms
        self._results.give("checkpoint", "not_checkable", checkpoint.token_id, at_ms, reason, sequence)
