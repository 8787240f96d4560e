"""Accounts for one window of the REST stream: which tokens' books were asked for, and what came of it."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import median_low

from common.core.events.not_understood import NotUnderstood
from common.core.events.rest_answer import NO_ANSWER, Answer
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.ledger.book_window import TokenChecks
from common.core.ledger.document import (
    LEDGER_SCHEMA_VERSION,
    CheckpointLedger,
    Condition,
    GapTime,
    LedgerArchive,
    TokenCheckpoints,
    Window,
    as_told,
    runs_of,
    worst,
)
from common.core.ledger.later import Later, gap_time
from common.core.market import Token
from common.core.rows.names import REST_CHECKPOINTS
from common.core.rows.reading import Row
from common.core.rows.rest import REST_CHECKPOINT
from common.core.rows.websocket import GAP
from common.errors import ArchiveError

LATE_FACTOR = 4  # a pause of so many usual ones is more than a request that was late
SHORT_NS = 10 * NS_PER_SECOND  # no pause below this is remarkable, however often is asked


class _Token:
    def __init__(self, token: Token) -> None:
        self.token = token
        self.answered = self.absent = self.absent_in_trading = self.failed = self.unreadable = self.wrong = 0

    def result(self) -> TokenCheckpoints:
        return TokenCheckpoints(
            token_id=self.token.token_id,
            market_slug=self.token.market_slug,
            outcome=self.token.outcome,
            condition=self._condition(),
            asked=self.answered + self.absent + self.failed,
            answered=self.answered,
            absent=self.absent,
            failed=self.failed,
            unreadable=self.unreadable,
            wrong=self.wrong,
        )

    def _condition(self) -> Condition:
        if not self.answered:
            return "missing" if self.failed or self.absent_in_trading else "complete"
        is_degraded = self.failed or self.absent_in_trading or self.unreadable or self.wrong
        return "degraded" if is_degraded else "complete"


class CheckpointHour:
    """Takes the rows of all producers; `finish` makes the document."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._tokens: dict[str, _Token] = {}
        self._sessions: set[tuple[str, str]] = set()
        self._rounds_ns: list[int] = []
        self._in_round: set[str] = set()
        self._gaps: list[GapTime] = []
        self._rows = 0
        self._not_understood = NotUnderstood()

    def take(self, row: Row, answer: Answer = NO_ANSWER) -> None:
        """Account for a row; one that is not a readable request counts, and names no token.

        `answer` is what the row's response holds.
        """
        if row.record_type == GAP:
            gap = gap_time(row.detail)
            part = gap.within(self._window) if gap is not None else None
            self._gaps += [part] if part is not None else []
        elif row.record_type == REST_CHECKPOINT:
            self._rows += 1
            self._sessions.add((row.producer, row.session_id or ""))
            self._take_request(row)
            self._not_understood.take((*answer.unreadable, *answer.forms))
            for token_id in (each for unusable in answer.unreadable for each in unusable.token_ids):
                if token_id in self._tokens:
                    self._tokens[token_id].unreadable += 1

    def _take_request(self, row: Row) -> None:
        try:
            tokens, response = row.tokens, row.response
        except ArchiveError:
            return
        self._note_round(row.received_at_ns, tokens)
        failed = response is None or response.status_code != 200
        absent = set(row.missing_token_ids)
        for token in tokens:
            known = self._tokens.setdefault(token.token_id, _Token(token))
            if failed:
                known.failed += 1
            elif token.token_id in absent:
                known.absent += 1
                known.absent_in_trading += token.trades_at(row.requested_at_ns)
            else:
                known.answered += 1

    def _note_round(self, at_ns: int, tokens: tuple[Token, ...]) -> None:
        """A round may take several requests; the next one begins where a token is asked for again."""
        if not self._rounds_ns or any(token.token_id in self._in_round for token in tokens):
            self._rounds_ns.append(self._window.clip(at_ns))
            self._in_round.clear()
        self._in_round.update(token.token_id for token in tokens)

    def checked(self, checks: Mapping[str, TokenChecks]) -> None:
        """What came of comparing the books with those of the stream, by token id."""
        for token_id, each in checks.items():
            if token_id in self._tokens:
                self._tokens[token_id].wrong = each.rest_wrong

    def finish(
        self, later: Later, archives: tuple[LedgerArchive, ...], unreadable: tuple[str, ...]
    ) -> CheckpointLedger:
        """The document; `later` adds gaps that were declared behind the window."""
        self._gaps += [each.gap for each in later.gaps_into(self._window) if self._is_ours(each.producer)]
        tokens = tuple(
            sorted(
                (account.result() for account in self._tokens.values()),
                key=lambda token: (token.market_slug, token.outcome, token.token_id),
            )
        )
        pauses = list(self._pauses())
        return CheckpointLedger(
            schema_version=LEDGER_SCHEMA_VERSION,
            stream=REST_CHECKPOINTS,
            from_utc=utc_text(self._window.from_ns),
            to_utc=utc_text(self._window.to_ns),
            condition=self._condition(tokens, pauses),
            longest_pause_seconds=round(max(pauses) / NS_PER_SECOND, 3),
            gaps=as_told(self._gaps),
            unusable=self._not_understood.unused(),
            unusual_forms=self._not_understood.forms,
            sessions=len(self._sessions),
            messages=self._rows,
            archives=archives,
            unreadable=unreadable,
            tokens=tokens,
        )

    def _is_ours(self, producer: str) -> bool:
        return any(producer == ours for ours, _ in self._sessions)

    def _pauses(self) -> Iterator[int]:
        """Between the rounds, and from and to the edges of the window."""
        edges = (self._window.from_ns, *self._rounds_ns, self._window.to_ns)
        return (max(0, after - before) for before, after in pairwise(edges))

    def _condition(self, tokens: tuple[TokenCheckpoints, ...], pauses: list[int]) -> Condition:
        if not self._rows:
            return "missing"
        conditions: list[Condition] = ["degraded" for each in tokens if each.condition != "complete"]
        usual = median_low(pauses[1:-1]) if len(pauses) > 3 else self._window.to_ns - self._window.from_ns
        if runs_of(self._gaps) or max(pauses) > max(LATE_FACTOR * usual, SHORT_NS):
            conditions.append("gap")
        return worst(conditions)
