"""The rows of a process that asks over HTTP: one for each request, numbered, and gaps for those that had no room."""

import logging
from collections.abc import Sequence

import msgspec

from common.core.counters import CounterName
from common.core.envelope import Context
from common.core.instants import utc_text
from common.core.market import Token
from common.core.rows.gap import Gap
from common.core.rows.reading import row_of
from common.core.rows.rest import Checkpoint, HttpAnswer, checkpoint_row
from common.core.rows.websocket import GAP, control_row, subscription_json, tokens_tracked_json
from common.runtime.declared_gaps import DeclaredGaps
from common.runtime.process import Runtime
from common.runtime.producer import Producer

log = logging.getLogger(__name__)


class Request(msgspec.Struct, frozen=True):
    """What was asked, about which tokens, and when (wall time)."""

    url: str
    tokens: Sequence[Token]
    requested_at_ns: int
    method: str = "GET"
    body: bytes | None = None


class RequestRows:
    """One life of a producer of such rows: their numbers count from 1 in a session of its own."""

    def __init__(self, runtime: Runtime, producer: Producer, url: str, dropped_counter: CounterName) -> None:
        self._runtime, self._producer, self._url = runtime, producer, url
        self._dropped_counter = dropped_counter
        self._session_id = f"{producer.name}-c{producer.outbox.numbers.next_connection()}"
        self._sequence = 0
        self._dropped: list[tuple[int, int]] = []
        self._gaps = DeclaredGaps(runtime)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Those that were declared last."""
        return self._gaps.recent

    @property
    def told_until_ns(self) -> int:
        """Up to here (wall time) all that was received is in rows, or declared missing."""
        return self._dropped[0][1] if self._dropped else self._runtime.clock.wall_ns()

    def record(
        self,
        record_type: str,
        request: Request,
        answer: HttpAnswer | None,
        error: str | None,
        missing_token_ids: tuple[str, ...] = (),
    ) -> None:
        """Append the row of a request. `answer` is None where none came, `error` what was wrong, or None."""
        self._sequence += 1
        received_at_ns = self._runtime.clock.wall_ns()
        row = checkpoint_row(
            Checkpoint(
                origin=self._producer.outbox.identity.origin,
                session_id=self._session_id,
                checkpoint_sequence=self._sequence,
                requested_at_ns=request.requested_at_ns,
                received_at_ns=received_at_ns,
                method=request.method,
                url=request.url,
                body=request.body,
                answer=answer,
                error=error,
                tokens_tracked_json=tokens_tracked_json(request.tokens),
                missing_token_ids=missing_token_ids,
                record_type=record_type,
            )
        )
        if not self._append(row, received_at_ns):
            self._dropped.append((self._sequence, received_at_ns))
            self._runtime.tally.add(self._dropped_counter)
            log.error("request dropped, spool full", extra={"checkpoint_sequence": self._sequence})

    def declare(self) -> None:
        """To be called often: what is missing becomes gap rows as soon as there is room for them."""
        self._declare_dropped()
        self._declare_lost()

    def _declare_dropped(self) -> None:
        if not self._dropped or not self._producer.outbox.has_room:
            return
        (first, since_ns), (last, until_ns) = self._dropped[0], self._dropped[-1]
        gap = Gap(
            cause="spool_full",
            from_utc=utc_text(since_ns),
            to_utc=utc_text(until_ns),
            first_checkpoint_sequence=first,
            last_checkpoint_sequence=last,
            messages=len(self._dropped),
        )
        if self._declare(gap):
            self._dropped.clear()

    def _declare_lost(self) -> None:
        """Rows that were durable once, in archives that are not there now, become a gap row."""
        for lost in tuple(self._producer.outbox.agreement.lost):
            kept = lost.next_kept
            ended = row_of(kept.payloads[0]).checkpoint_sequence if kept is not None else self._sequence + 1
            numbers = msgspec.structs.replace(lost, next_number=ended).numbers
            if self._declare(lost.gap(checkpoints=numbers)):
                self._producer.outbox.agreement.declared(lost)

    def _declare(self, gap: Gap) -> bool:
        nothing = Context(
            0, self._session_id, 1, self._url, subscription_json(0, ()), tokens_tracked_json(())
        )
        now_ns = self._runtime.clock.wall_ns()
        row = control_row(
            GAP,
            nothing,
            origin=self._producer.outbox.identity.origin,
            received_at_ns=now_ns,
            received_monotonic_ns=self._runtime.clock.monotonic_ns(),
            detail=gap,
        )
        if not self._append(row, now_ns):
            return False
        self._gaps.note(gap)
        return True

    def _append(self, row: bytes, received_at_ns: int) -> bool:
        return self._producer.outbox.append_row(
            row, received_at_ns=received_at_ns, received_monotonic_ns=self._runtime.clock.monotonic_ns()
        )
