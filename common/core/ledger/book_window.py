"""Checks the books of one window from its rows alone, token by token: the same code that checks them live.

Books begin with the first snapshots of the window; what is checked live of the seconds before is not checked here.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from common.core.audit.connections import BookAudit
from common.core.audit.divergence import Divergence, divergence_of
from common.core.audit.heard import Heard
from common.core.events.market_events import MarketEvent
from common.core.events.not_understood import NotUnderstood
from common.core.events.rest_answer import NO_ANSWER, Answer, read_answer
from common.core.ledger.standing import BookStanding
from common.core.rows.details import NOTHING
from common.core.rows.reading import Row
from common.core.rows.websocket import DIVERGENCE, MESSAGE_RECORD


class TokenChecks(msgspec.Struct, frozen=True):
    """How many checks of a token came out how."""

    passed: int = 0
    size_only: int = 0
    divergences: int = 0
    not_checkable: int = 0
    doubts: int = 0
    wrong_batches: int = 0
    wrong_ms: int = 0
    rest_wrong: int = 0


class BookHour:
    """Takes the rows of both streams, each producer's in its order."""

    def __init__(self, standing: BookStanding | None = None) -> None:
        """`standing` is told what another leg may want to know."""
        self._audit, self._standing = BookAudit(), standing
        self._verdicts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._wrong_batches: Counter[str] = Counter()
        self._wrong_ms: Counter[str] = Counter()
        self._found: dict[tuple[str, str, int], Divergence] = {}
        self._told: dict[tuple[str, str, int], Divergence] = {}

    def message(self, row: Row, events: Iterable[MarketEvent]) -> None:
        """A message of the websocket, and the events in it."""
        if row.session_id is None or not row.message_sequence:
            return
        heard = Heard(row.producer, row.session_id, row.message_sequence, row.received_at_ns)
        self._audit.message(heard, events)
        self._count()

    def life_cycle(self, row: Row) -> None:
        """Any other row of the websocket stream. A divergence that was found live counts too."""
        if row.record_type == DIVERGENCE:
            self._note_told(row.detail)
        elif row.record_type != MESSAGE_RECORD:
            self._audit.life_cycle(row.producer, row.record_type, row.session_id, row.detail)
            self._count()

    def checkpoint(self, row: Row, answer: Answer | None = None) -> None:
        """A row of the REST stream; `answer` is what its response holds, where it was read already."""
        answer = answer or (NO_ANSWER if row.response_json == NOTHING else read_answer(row.payload_json))
        self._audit.unreadable(answer, row.checkpoint_sequence)
        for shown in answer.books:
            self._audit.checkpoint(shown, row.checkpoint_sequence)
        self._count()

    def _count(self) -> None:
        for _, session_id, result in self._audit.take_results():
            self._verdicts[result.token_id][result.verdict] += 1
            self._wrong_batches[result.token_id] += result.wrong_batches
            self._wrong_ms[result.token_id] += result.wrong_ms
            if self._standing is not None:
                self._standing.take(result)
            if result.verdict == "divergence":
                found = divergence_of(session_id, result)
                self._found[found.key] = found
        for _, session_id, result in self._audit.take_settled():
            found = divergence_of(session_id, result)
            self._found[found.key] = found

    def _note_told(self, detail: Mapping[str, Any]) -> None:
        try:
            told = msgspec.convert(detail, Divergence)
        except msgspec.ValidationError:
            return  # of a later version, perhaps
        self._told[told.key] = told

    @property
    def diverged(self) -> Mapping[str, Collection[int]]:
        """The exchange times of divergences by token, in milliseconds: those found here, and those of rows alone."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for token_id, _, at_ms in self._found.keys() | self._told.keys():
            found[token_id].append(at_ms)
        return found

    @property
    def doubts(self) -> NotUnderstood:
        """What was read, but whose time is wrong."""
        return self._audit.doubts

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """Those found here and those that rows tell, by time: each with the levels that either of them knows."""
        known = {key: told for key, told in self._told.items() if told.levels or key not in self._found}
        found = {
            key: self._told[key].with_levels_of(each) if key in self._told else each
            for key, each in self._found.items()
        }
        return tuple(
            sorted((found | known).values(), key=lambda each: (each.exchange_timestamp_ms, each.key))
        )

    def finish(self) -> dict[str, TokenChecks]:
        """What came of the checks, by token id."""
        diverged = Counter({token_id: len(times) for token_id, times in self.diverged.items()})
        return {
            token_id: TokenChecks(
                passed=self._verdicts[token_id]["agree"] + self._verdicts[token_id]["agree_late"],
                size_only=self._verdicts[token_id]["size_only"],
                divergences=diverged[token_id],
                not_checkable=self._verdicts[token_id]["not_checkable"],
                doubts=self._audit.doubts_by_token[token_id],
                wrong_batches=self._wrong_batches[token_id],
                wrong_ms=self._wrong_ms[token_id],
                rest_wrong=self._verdicts[token_id]["rest_wrong"],
            )
            for token_id in {*self._verdicts, *diverged, *self._audit.doubts_by_token}
        }
