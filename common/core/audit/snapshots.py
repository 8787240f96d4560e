"""Compares snapshots with what the changes before them made of the book.

A hash is of the whole book. A snapshot whose time and hash changes had told before, and which gives this hash, must
hold the levels that they made, or the rest of their batch must still explain what differs; else a change is missing
for certain, also where the snapshot itself has healed the book meanwhile.
"""

from collections.abc import Callable

import msgspec

from common.core.audit.results import Result, Results
from common.core.audit.token import CheckedToken, Stated
from common.core.books.book import Book
from common.core.books.checkpoint import differing_levels
from common.core.books.snapshot import DifferingLevel
from common.core.events.market_events import BookSnapshot, PriceChange


class _Contradiction(msgspec.Struct):
    """`levels`, by side and price, are those that nothing has explained since `since_ms`, in the connection's time."""

    stated: Stated
    since_ms: int
    levels: dict[tuple[str, str], DifferingLevel]
    failed: Result | None


class SnapshotChecks:
    """The snapshots that contradict the changes before them, until their batches are over."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._open: dict[str, _Contradiction] = {}

    def compare(
        self,
        token: CheckedToken,
        book: Book,
        snapshot: BookSnapshot,
        since_ms: int,
        holds: Callable[[Book], bool],
        end_failed: Callable[[], None],
    ) -> None:
        """Before a snapshot is applied to the book of a token that is not suspect.

        What contradicts it has from `since_ms` on, in the connection's time, to be explained. `holds`: whether a
        whole book gives its own hash. `end_failed`: a check that has failed ends with the snapshot.
        """
        stated = (snapshot.timestamp_ms, snapshot.hash)
        told = bool(snapshot.hash) and stated == (book.timestamp_ms, book.hash)
        undecided = token.failed is not None and snapshot.timestamp_ms >= book.timestamp_ms
        if stated == token.done or not (told or undecided):
            return
        shown = _completed(snapshot, book)
        levels = differing_levels(book, shown)
        if not levels:
            return
        told = told and holds(shown)
        if told:
            failed, token.failed = token.failed, None
            left = {(level.side, level.price): level for level in levels}
            self._open[book.token_id] = _Contradiction(stated, since_ms, left, failed)
        else:
            end_failed()

    def explain(self, event: PriceChange) -> None:
        """Changes of a batch that a snapshot has overtaken do not contradict it."""
        for change in event.changes if self._open else ():
            contradiction = self._open.get(change.token_id)
            if contradiction is not None and contradiction.stated == (event.timestamp_ms, change.hash):
                side = "bid" if change.side == "BUY" else "ask"
                contradiction.levels.pop((side, change.price), None)

    def judge(self, batches_over_ms: int) -> None:
        """Batches that were stated before this time of the connection are complete."""
        for token_id, each in list(self._open.items()):
            if each.since_ms >= batches_over_ms:
                continue
            del self._open[token_id]
            if each.levels:
                self._diverge(token_id, each)
            elif each.failed is not None:
                self._explained(each.failed, each.stated[0])

    def _explained(self, failed: Result, stated_ms: int) -> None:
        """What had failed was the same batch, not yet complete; or a state before it, which was wrong."""
        wrong_ms = stated_ms - failed.timestamp_ms
        if wrong_ms <= 0:
            self._results.amend(failed, "agree_late", "its batch was not complete")
            return
        reason = "healed by a snapshot"
        healed = msgspec.structs.replace(failed, verdict="healed", reason=reason)
        self._results.found(msgspec.structs.replace(healed, wrong_batches=1, wrong_ms=wrong_ms))

    def drop(self, token_id: str) -> Result | None:
        """The book is void; the failed check that is left undecided by it, if any."""
        dropped = self._open.pop(token_id, None)
        return dropped.failed if dropped is not None else None

    def _diverge(self, token_id: str, contradiction: _Contradiction) -> None:
        timestamp_ms, _ = contradiction.stated
        result = msgspec.structs.replace(
            contradiction.failed or Result("hash", "divergence", token_id, timestamp_ms),
            reason="the snapshot of the stated hash holds other levels",
            levels=tuple(contradiction.levels.values()),
            levels_from="snapshot",
            wrong_batches=1,
        )
        self._results.found(result)
        self._results.settle(result)


def _completed(snapshot: BookSnapshot, book: Book) -> Book:
    """The book of a snapshot; what it does not tell is as it was."""
    shown = Book(snapshot)
    shown.tick_size = shown.tick_size or book.tick_size
    shown.note_extra({**book.extra, **shown.extra})
    return shown
