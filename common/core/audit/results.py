"""What comes of the checks of a book: verdicts, and divergences with the levels that differ."""

from typing import Literal

import msgspec

from common.core.books.snapshot import DifferingLevel

Check = Literal["hash", "best", "checkpoint"]
Verdict = Literal["agree", "agree_late", "size_only", "healed", "rest_wrong", "divergence", "not_checkable"]
UNKNOWN_RECIPE = "unknown hash recipe"  # the reason of a check that could not be made
UNUSUAL_FORMS = "unusual forms, of which no hash is known"  # the same
LevelsFrom = Literal["snapshot", "checkpoint", "nothing"]


class Result(msgspec.Struct, frozen=True):
    """One check of one token at an exchange time.

    `levels` differ between the rebuilt book and the exchange's, which a snapshot or a checkpoint told.
    `of_snapshot`: only a snapshot agrees with its own hash, which says nothing of changes. Of a book that was wrong for
    a while: `wrong_batches` stated hashes failed, and it was wrong for `wrong_ms` of the exchange's time from the first
    of them on, as far as that is known by now.
    """

    check: Check
    verdict: Verdict
    token_id: str
    timestamp_ms: int
    reason: str = ""
    checkpoint_sequence: int | None = None
    levels: tuple[DifferingLevel, ...] = ()
    levels_from: LevelsFrom = "nothing"
    of_snapshot: bool = False
    wrong_batches: int = 0
    wrong_ms: int = 0


class Results:
    """Results until they are taken; divergences a second time once no more will be known of them."""

    def __init__(self) -> None:
        self._results: list[Result] = []
        self._settled: list[Result] = []

    def give(
        self,
        check: Check,
        verdict: Verdict,
        token_id: str,
        timestamp_ms: int,
        reason: str = "",
        sequence: int | None = None,
    ) -> None:
        """A check was made, or could not be."""
        self._results.append(Result(check, verdict, token_id, timestamp_ms, reason, sequence))

    def amend(self, failed: Result, verdict: Verdict, reason: str) -> None:
        """What became of a check that had failed at first."""
        self.give(failed.check, verdict, failed.token_id, failed.timestamp_ms, reason)

    def found(self, result: Result) -> None:
        """A result that is already complete, or a divergence whose levels are not known yet."""
        self._results.append(result)

    def settle(self, result: Result) -> None:
        """A divergence of which no more will be known."""
        self._settled.append(result)

    def take(self) -> list[Result]:
        """What was judged since the last call."""
        results, self._results = self._results, []
        return results

    def take_settled(self) -> list[Result]:
        """The divergences of which all is known, since the last call."""
        settled, self._settled = self._settled, []
        return settled
