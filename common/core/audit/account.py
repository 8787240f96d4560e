"""What the book auditor states of its checks: counts by kind and verdict, reasons, the newest divergences."""

from collections import Counter, deque
from collections.abc import Iterable

from common.core.audit.books_shown import BooksShown
from common.core.audit.divergence import Divergence
from common.core.audit.live import Audit
from common.core.audit.results import Result

DIVERGENCES_KEPT = 50
TOKENS_KEPT = 10_000


class AuditAccount:
    """Goes on from what a predecessor in the run stated last: its books, divergences and wishes."""

    def __init__(self, books: BooksShown, divergences: Iterable[Divergence], last_number: int) -> None:
        self._checks = {check: Counter(verdicts) for check, verdicts in books.checks.items()}
        self._reasons = Counter(books.not_checkable)
        self.divergences = deque(divergences, DIVERGENCES_KEPT)
        self.last_number = last_number  # of the wishes
        self._hashes: dict[str, Result] = {}  # the newest check by hash of each token; the oldest go
        self.wrong_batches = self.wrong_ms = self.rest_wrong = 0  # since this process began

    def next_number(self) -> int:
        """The number of the next wish."""
        self.last_number += 1
        return self.last_number

    def take(self, results: Iterable[Result]) -> tuple[int, int]:
        """Count results; how many checks could be made, and how many of them diverged."""
        checked = diverged = 0
        for result in results:
            if result.check == "hash":
                self._note_hash(result)
            self._checks.setdefault(result.check, Counter())[result.verdict] += 1
            if result.verdict == "not_checkable":
                self._reasons[result.reason] += 1
            elif result.verdict != "healed":  # it was counted when it failed, or has no check of its own
                checked += 1
            diverged += result.verdict == "divergence"
            self.wrong_batches += result.wrong_batches
            self.wrong_ms += result.wrong_ms
            self.rest_wrong += result.verdict == "rest_wrong"
        return checked, diverged

    def _note_hash(self, result: Result) -> None:
        self._hashes.pop(result.token_id, None)
        self._hashes[result.token_id] = result
        if len(self._hashes) > TOKENS_KEPT:
            del self._hashes[next(iter(self._hashes))]

    def last_hash(self, token_id: str) -> Result | None:
        """The newest check of a token's book by its hash, None if none was made since this process began."""
        return self._hashes.get(token_id)

    def books(self, audit: Audit, now_ns: int) -> BooksShown:
        """The counts, the hash recipes and what is not known, as the run manifest shows them."""
        return BooksShown(
            tokens=audit.books,
            unhealed=audit.unhealed,
            checks={check: dict(verdicts) for check, verdicts in sorted(self._checks.items())},
            not_checkable=dict(self._reasons),
            recipes=audit.recipes.report(),
            recipes_unknown=audit.recipes.unknown(),
            never_checked=audit.never_checked(now_ns),
            unknown=len(audit.unknown_books()),
            unusable=audit.not_understood.unused(),
            unusual_forms=audit.not_understood.forms,
        )
