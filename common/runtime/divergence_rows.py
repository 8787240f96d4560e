"""The book auditor's rows: each divergence when it is found, and a gap row where one of them could not be kept."""

import logging
from collections.abc import Mapping

import msgspec

from common.core.audit.divergence import MISSING, Divergence
from common.core.envelope import Context
from common.core.instants import utc_text
from common.core.rows.gap import Gap
from common.core.rows.origin import Leg
from common.core.rows.websocket import DIVERGENCE, GAP, control_row, subscription_json, tokens_tracked_json
from common.queue.outbox import Outbox
from common.runtime.declared_gaps import DeclaredGaps
from common.runtime.process import Runtime

SESSIONS_KEPT = 64

log = logging.getLogger("book_auditor")


class DivergenceRows:
    """Appends to the auditor's outbox. A row states the session of the reader whose book it is about, as its own do."""

    def __init__(self, runtime: Runtime, outbox: Outbox) -> None:
        self._runtime, self._outbox = runtime, outbox
        self._contexts: dict[str, Context] = {}  # the newest of each session
        self._dropped: list[tuple[int, int]] = []  # numbers and times of divergences that found no room
        self._gaps = DeclaredGaps(runtime)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Those that were declared last."""
        return self._gaps.recent

    def note_context(self, context: Context) -> None:
        """What a session is subscribed to now. The auditor has no connections: rows are ordered by their numbers."""
        self._contexts.pop(context.session_id, None)
        self._contexts[context.session_id] = msgspec.structs.replace(context, connection_sequence=0)
        if len(self._contexts) > SESSIONS_KEPT:
            del self._contexts[next(iter(self._contexts))]

    def record(self, found: Divergence) -> Divergence:
        """Keep the row of a divergence; the same with its number. Without room it is dropped, and declared later."""
        found = msgspec.structs.replace(found, number=self._outbox.numbers.next_connection())
        context = self._contexts.get(found.session_id) or self._bare_context(found.session_id)
        if not self._append(DIVERGENCE, context, msgspec.to_builtins(found), leg=found.leg):
            self._dropped.append((found.number, self._runtime.clock.wall_ns()))
            log.error("divergence dropped, spool full", extra={"number": found.number})
        return found

    def declare_missing(self) -> None:
        """As soon as there is room again: what was dropped, or was in archives that are gone, becomes gap rows."""
        if self._dropped and self._outbox.has_room:
            (first, since_ns), (last, until_ns) = self._dropped[0], self._dropped[-1]
            gap = Gap(
                cause="spool_full",
                from_utc=utc_text(since_ns),
                to_utc=utc_text(until_ns),
                first_number=first,
                last_number=last,
                missing=MISSING,
            )
            if self._declare(gap):
                self._dropped.clear()
        for lost in tuple(self._outbox.agreement.lost):
            until_ns = lost.until_ns or self._runtime.clock.wall_ns()
            whole = msgspec.structs.replace(lost, until_ns=until_ns)
            if self._declare(whole.gap(missing=MISSING)):
                self._outbox.agreement.declared(lost)

    def told_until_ns(self) -> int:
        """Up to this wall time every divergence that was found is in a row of the outbox."""
        return self._dropped[0][1] if self._dropped else self._runtime.clock.wall_ns()

    def _declare(self, gap: Gap) -> bool:
        if not self._append(GAP, self._bare_context(""), gap):
            return False
        self._gaps.note(gap)
        return True

    def _bare_context(self, session_id: str) -> Context:
        url = self._runtime.settings.exchange.ws_url
        return Context(0, session_id, 0, url, subscription_json(0, ()), tokens_tracked_json(()))

    def _append(
        self,
        record_type: str,
        context: Context,
        detail: Mapping[str, object] | Gap,
        *,
        leg: Leg | None = None,
    ) -> bool:
        now_ns, monotonic_ns = self._runtime.clock.wall_ns(), self._runtime.clock.monotonic_ns()
        row = control_row(
            record_type,
            context,
            origin=msgspec.structs.replace(self._outbox.identity.origin, leg=leg),
            received_at_ns=now_ns,
            received_monotonic_ns=monotonic_ns,
            detail=detail,
        )
        return self._outbox.append_row(row, received_at_ns=now_ns, received_monotonic_ns=monotonic_ns)
