"""The book auditor's answers to the page. It observes what passes only while somebody asks."""

from itertools import islice
from pathlib import Path

from common.core.audit.account import AuditAccount
from common.core.audit.heard import Shown
from common.core.audit.live import Audit
from common.core.audit.observed import Observed
from common.core.decimal_text import normal, normal_levels
from common.core.market import canonical_condition_id
from common.core.page.book import LEVELS
from common.core.page.live import Checked, LadderNow, LiveAnswer, LiveQuestion, TokenNow
from common.page.live_books import LiveBooksServer

OBSERVED_FOR_NS = 20_000_000_000  # after the last question
TRADES_SHOWN = 20
KEEP_NS = 1_000_000_000


class LiveDesk:
    """Answers from the auditor's own books, checks and counts. `attend` often: most calls cost a microsecond."""

    def __init__(self, run_dir: Path, audit: Audit, account: AuditAccount) -> None:
        self._server = LiveBooksServer(run_dir)
        self._audit, self._account = audit, account
        self._until_ns = self._next_keep_ns = 0

    def attend(self, now_ns: int, *, rests: bool) -> None:
        """Answer what was asked; `rests` where the auditor hears nothing now. Monotonic time."""
        if self._server.answer(lambda question: self._answer(question, rests=rests)):
            self._until_ns = now_ns + OBSERVED_FOR_NS
            if self._audit.observed is None:
                self._audit.observed = Observed()
        elif self._audit.observed is not None and now_ns > self._until_ns:
            self._audit.observed = None
        if now_ns >= self._next_keep_ns:
            self._next_keep_ns = now_ns + KEEP_NS
            self._server.keep()

    def _answer(self, question: LiveQuestion, *, rests: bool) -> LiveAnswer:
        observed = self._audit.observed
        shown = self._audit.shown(question.ladder) if question.ladder else None
        rates = None if observed is None else observed.rates
        return LiveAnswer(
            tokens={each: self._token(each) for each in question.token_ids},
            rates=None
            if rates is None
            else {each: rates.get(canonical_condition_id(each), 0.0) for each in question.markets},
            lags={} if observed is None else observed.lags(),
            ladder=None if shown is None else self._ladder(question.ladder, shown),
            rests=rests,
        )

    def _token(self, token_id: str) -> TokenNow:
        shown, result = self._audit.shown(token_id), self._account.last_hash(token_id)
        checked = None if result is None else Checked(result.verdict, result.reason, result.timestamp_ms)
        if shown is None:
            return TokenNow(checked=checked)
        return TokenNow(
            book=True,
            best_bid=None if shown.book.best_bid is None else normal(shown.book.best_bid),
            best_ask=None if shown.book.best_ask is None else normal(shown.book.best_ask),
            checked=checked,
        )

    def _ladder(self, token_id: str, shown: Shown) -> LadderNow:
        book, observed = shown.book, self._audit.observed
        best = book.depth(LEVELS)
        trades = () if observed is None else observed.trades(shown.reader, token_id)
        return LadderNow(
            reader=shown.reader,
            received_at_ns=shown.heard_ns,
            timestamp_ms=book.timestamp_ms,
            tick_size=book.tick_size,
            bids=normal_levels(best.bids),
            asks=normal_levels(best.asks),
            bid_levels=len(book.bid_ladder),
            ask_levels=len(book.ask_ladder),
            trades=tuple(islice(trades, TRADES_SHOWN)),
        )

    def close(self) -> None:
        """Answer no more."""
        self._server.close()
