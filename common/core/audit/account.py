"""What the book auditor tells of its checks: counts by kind and verdict, reasons, the newest divergences."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from common.core.audit.divergence import Divergence
from common.core.audit.results import Result
from common.core.recipes.account import RecipeAccount

DIVERGENCES_KEPT = 50
TOKENS_KEPT = 10_000


class AuditAccount:
    """Goes on from what a predecessor in the run told last."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        books = told.get("books", {})
        self._checks: dict[str, Counter[str]] = {
            check: Counter(verdicts) for check, verdicts in books.get("checks", {}).items()
        }
        self._reasons: Counter[str] = Counter(books.get("not_checkable", {}))
        self._divergences: deque[dict[str, Any]] = deque(told.get("divergences", ()), DIVERGENCES_KEPT)
        self._number: int = told.get("last_number", 0)
        self._hashes: dict[str, Result] = {}  # the newest check by hash of each token; the oldest go
        self.wrong_batches = self.wrong_ms = self.rest_wrong = 0  # since this process began

    def next_number(self) -> int:
        """The number of the next wish."""
        self._number += 1
        return self._number

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

    def diverged(self, found: Divergence) -> None:
        """Keep a divergence for the run manifest."""
        self._divergences.append(msgspec.to_builtins(found))

    def details(self) -> dict[str, Any]:
        """The newest divergences, and the number of the last wish, from which a successor goes on."""
        return {"divergences": list(self._divergences), "last_number": self._number}

    def books(self, *, tokens: int, unhealed: int, recipes: RecipeAccount) -> dict[str, Any]:
        """The counts and the hash recipes, as the run manifest shows them."""
        return {
            "tokens": tokens,
            "unhealed": unhealed,
            "checks": {check: dict(verdicts) for check, verdicts in sorted(self._checks.items())},
            "not_checkable": dict(self._reasons),
            "recipes": recipes.report(),
            "recipes_unknown": recipes.unknown(),
        }
