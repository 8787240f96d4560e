"""Prices, ladders and lags of this moment for the page; the same question is asked once for all who look."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.core.page.live import LiveAnswer, LiveQuestion
from common.core.page.prices import ladder_question, ladder_view, question_about, with_prices
from common.page.live_books import LiveBooks

FRESH_S = 0.5  # an answer may be so old
KEPT = 32
QUICK_S = 0.5  # patience of those who have other things to show


class LiveView:
    """What the book auditor knows, for any thread."""

    def __init__(self, run_dir: Path) -> None:
        self._books = LiveBooks(run_dir)
        self._answers: OrderedDict[LiveQuestion, tuple[float, LiveAnswer | None]] = OrderedDict()

    def lags(self) -> list[dict[str, Any]]:
        """How late changes arrive, by leg; empty where that is not known."""
        answer = self._ask(LiveQuestion(), patience_s=QUICK_S)
        lags = {} if answer is None else answer.lags
        return [
            {"leg": leg, "messages": lag.messages, "p50_ms": lag.p50_ms, "p99_ms": lag.p99_ms}
            for leg, lag in lags.items()
        ]

    def markets(self, view: dict[str, Any]) -> dict[str, Any]:
        """A page of the list of markets, with prices."""
        return with_prices(view, self._ask(question_about(view["markets"])))

    def ladder(self, token_id: str, markets: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """A token's book now; `markets` are those of the run manifest."""
        named = next(
            (row for row in markets if any(each["token_id"] == token_id for each in row["tokens"])), None
        )
        return ladder_view(token_id, self._ask(ladder_question(token_id)), named)

    def _ask(self, question: LiveQuestion, patience_s: float | None = None) -> LiveAnswer | None:
        at_s, answer = self._answers.get(question, (float("-inf"), None))
        if time.monotonic() - at_s <= FRESH_S:
            return answer
        answer = (
            self._books.ask(question)
            if patience_s is None
            else self._books.ask(question, patience_s=patience_s)
        )
        self._answers[question] = time.monotonic(), answer
        while len(self._answers) > KEPT:
            self._answers.popitem(last=False)
        return answer

    def close(self) -> None:
        """Ask no more."""
        self._books.close()
