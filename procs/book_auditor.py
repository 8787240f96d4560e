"""Rebuilds the books from the live queue and checks them against the exchange's own; wishes for what heals.

It reads the lossy copy, like any observer, and can hold nobody up. What it did not see itself makes its books void
until their next snapshots: not checkable, never a divergence. The divergences that it finds are rows in an outbox of
its own.
"""

import logging
import os
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec

from common.core.audit.account import AuditAccount
from common.core.audit.books_shown import NO_BOOKS
from common.core.audit.divergence import Divergence
from common.core.audit.heard import Heard
from common.core.audit.live import Audit
from common.core.audit.pacing import Breather
from common.core.audit.wishes import Wish
from common.core.envelope import MESSAGE, Context
from common.core.events.not_understood import NotUnderstood
from common.core.instants import utc_text
from common.core.rows.names import BOOK_STREAMS, WS_RAW
from common.core.rows.reading import row_of, subscription_in
from common.errors import ArchiveError
from common.page.live_desk import LiveDesk
from common.polymarket.market_channel import is_market_data
from common.queue.tail import QueueTail, Tailed
from common.runtime.divergence_rows import DivergenceRows
from common.runtime.process import Runtime, main
from common.runtime.producer import Producer
from common.runtime.run.details import AuditorDetails
from common.runtime.run.facts import last_details
from common.socket_ends import AUDITOR_TAIL
from common.topology import WISHES_KEPT

LOOK_NS = 200_000_000
HEARD_AT_ONCE = 256  # messages, between two looks at what they cost
THIN_MS = 250  # of the exchange's time, between hashes of a token that are checked when time is scarce
STEP_NS = 200_000_000  # so that heartbeat and facts go on while it catches up
SILENCE_SHARE = 5  # of the stale threshold: so long a stream must be silent to be proved frozen
NICENESS = 10  # the recording comes first
UNKNOWN_NS = (
    30_000_000_000  # after which a book that cannot be read is a problem: a snapshot was asked for meanwhile
)
PROBLEMS_TOLD = 20  # tokens
NS = 1_000_000_000

log = logging.getLogger("book_auditor")


class BookAuditor:
    """Hears every envelope that passes, records divergences, and states its verdicts and wishes in its facts."""

    def __init__(self, runtime: Runtime) -> None:
        before = last_details(runtime.run_dir, runtime.name, AuditorDetails)
        books = before.books if before else NO_BOOKS
        stale_ns = int(runtime.settings.websocket.stale_feed_threshold_seconds * NS)
        self._runtime = runtime
        self._producer = Producer(runtime, WS_RAW)
        self._rows = DivergenceRows(runtime, self._producer.outbox)
        self._tail = QueueTail(runtime.run_dir, end=AUDITOR_TAIL, besides=runtime.name, streams=BOOK_STREAMS)
        self._breather = Breather()
        not_understood = NotUnderstood(books.unusable, books.unusual_forms)
        self._audit = Audit(silence_ns=stale_ns // SILENCE_SHARE, not_understood=not_understood)
        self._audit.recipes.restore(books.recipes)
        self._unknown_recipes: Mapping[str, str] = {}
        self._account = AuditAccount(
            books, before.divergences if before else (), before.last_number if before else 0
        )
        self._desk = LiveDesk(runtime.run_dir, self._audit, self._account)
        self._wishes = deque(before.wishes if before else (), maxlen=WISHES_KEPT)
        self._contexts: dict[str, int] = {}  # the newest of each reader
        self._next_look_ns = 0
        self._stopping = False

    def step(self, timeout_s: float) -> bool:
        """Hear what passed, judge it, record and heal what diverged. False when stopped and drained."""
        now = self._runtime.clock.monotonic_ns()
        self._rows.declare_missing()
        self._producer.serve(now)
        if self._stopping:
            if self._producer.drained:
                return False
            self._producer.wait(0.01)
            return True
        if now >= self._next_look_ns:
            self._next_look_ns = now + LOOK_NS
            self._tail.look()
        if self._breather.is_over(now):
            self._tail.turn_back()
        if self._breather.resting:
            self._runtime.clock.sleep(timeout_s)
        else:
            self._follow(timeout_s, now)
        self._judge()
        self._desk.attend(now, rests=self._breather.resting)
        return True

    def _follow(self, timeout_s: float, now: int) -> None:
        until_ns = now + STEP_NS
        while not self._breather.resting and now < until_ns and (passed := self._tail.receive(timeout_s)):
            timeout_s = 0
            received_ns = passed[-1].envelope.received_monotonic_ns
            if self._breather.lets_go(received_ns):
                self._runtime.tally.add("audit_holes_total", len(passed))
                now = self._runtime.clock.monotonic_ns()
                continue
            now = self._hear_all(passed)
        self._audit.thin_out(THIN_MS if self._breather.is_scarce else 0)

    def _hear_all(self, passed: Sequence[Tailed]) -> int:
        """Hear what came in one copy, or as much of it as there is time for; the time behind that."""
        now = 0
        for begin in range(0, len(passed), HEARD_AT_ONCE):
            some = passed[begin : begin + HEARD_AT_ONCE]
            for tailed in some:
                self._hear(tailed)
            now = self._runtime.clock.monotonic_ns()
            late = self._breather.is_late(some[-1].envelope.received_monotonic_ns, now)
            if late or self._breather.is_spent(self._runtime.clock.processor_ns(), now):
                self._tail.turn_away()
                self._audit.void()
                self._runtime.tally.add("audit_skips_total")
                self._runtime.tally.add("audit_holes_total", len(passed) - begin - len(some))
                log.warning("too many messages to follow", extra={"rest_s": self._breather.rest_s})
                break
        return now

    def _hear(self, tailed: Tailed) -> None:
        envelope = tailed.envelope
        if envelope.kind == MESSAGE and tailed.context is not None:
            heard = Heard(
                reader=tailed.name,
                session_id=tailed.context.session_id,
                message_sequence=envelope.message_sequence,
                received_at_ns=envelope.received_at_ns,
            )
            self._note_subscription(heard, tailed.context)
            payload = envelope.payload
            alive = is_market_data(payload)
            self._audit.message(heard, envelope.received_monotonic_ns, payload, is_market_data=alive)
            return
        try:
            row = row_of(envelope.payload)
        except ArchiveError:
            return  # a row of a later version, perhaps
        if tailed.stream == WS_RAW:
            self._audit.life_cycle(tailed.name, row)
        else:
            self._audit.checkpoint(row, envelope.received_monotonic_ns)

    def _note_subscription(self, heard: Heard, context: Context) -> None:
        if self._contexts.get(heard.reader) != context.number:
            self._contexts[heard.reader] = context.number
            self._audit.subscribed(heard, subscription_in(context.subscription_json).assets_ids)
            self._rows.note_context(context)

    def _judge(self) -> None:
        clock = self._runtime.clock
        for name, missed in self._tail.take_missed().items():
            self._runtime.tally.add("audit_holes_total", missed)
            log.info("messages passed unseen", extra={"producer": name, "envelopes": missed})
        wishes = self._audit.judge(clock.wall_ns(), clock.monotonic_ns())
        for found in self._audit.take_divergences():
            self._record(found)
        for wish in wishes:
            self._wish(wish)
        wrong_before, rest_before = self._account.wrong_batches, self._account.rest_wrong
        checked, diverged = self._account.take(self._audit.take_results())
        self._runtime.tally.add("wrong_batches_total", self._account.wrong_batches - wrong_before)
        self._runtime.tally.add("rest_books_wrong_total", self._account.rest_wrong - rest_before)
        self._runtime.tally.add("book_checks_total", checked)
        self._runtime.tally.add("divergences_total", diverged)
        self._tell_not_understood(clock.wall_ns())
        self._tell_recipes()

    def _tell_not_understood(self, now_ns: int) -> None:
        found = self._audit.not_understood
        self._runtime.tally.counters["unusable_events_total"] = found.events
        self._runtime.tally.counters["unusual_forms_total"] = sum(found.forms.values())
        lasting = {
            token_id: f"the book is not known since {utc_text(unknown.since_ns)}: {unknown.reason} cannot be read; "
            "the recording is whole, see books.unusable in the run manifest for an example"
            for token_id, unknown in self._audit.unknown_books().items()
            if now_ns - unknown.since_ns > UNKNOWN_NS
        }
        self._runtime.problems.state("books_unknown", dict(islice(lasting.items(), PROBLEMS_TOLD)))

    def _tell_recipes(self) -> None:
        recipes = self._audit.recipes
        for proved in recipes.take_learned():
            log.info("hash recipe proved", extra=proved)
        before, self._unknown_recipes = self._unknown_recipes, recipes.unknown()
        for protocol, reason in self._unknown_recipes.items():
            if protocol not in before:
                log.warning("hash recipe unknown", extra={"protocol": protocol, "reason": reason})

    def _record(self, found: Divergence) -> None:
        """Before anything comes of it: the row is in the outbox when a reader is asked to heal the book."""
        recorded = self._rows.record(found)
        self._account.divergences.append(recorded)
        said = {"token_id": found.token_id, "session_id": found.session_id, "check": found.check}
        log.warning("a book diverged", extra={"number": recorded.number, **said, "reason": found.why})

    def _wish(self, wish: Wish) -> None:
        self._wishes.append(msgspec.structs.replace(wish, number=self._account.next_number()))
        said = {"action": wish.action, "token_id": wish.token_id, "session_id": wish.session_id}
        log.warning("a book needs healing", extra={**said, "reason": wish.why})

    def stop(self) -> None:
        """Hear nothing more; what was found is drained in the coming steps."""
        self._stopping = True

    def details(self) -> AuditorDetails:
        """Verdicts, divergences and wishes, for the run manifest and the readers."""
        return AuditorDetails(
            books=self._account.books(self._audit, self._runtime.clock.wall_ns()),
            divergences=tuple(self._account.divergences),
            confirmed=self._audit.confirmed,
            wishes=tuple(self._wishes),
            last_number=self._account.last_number,
            gaps=self._rows.gaps,
            outbox=self._producer.shown(self._rows.told_until_ns()),
        )

    def close(self) -> None:
        """Leave the queue and release the outbox; drained, it is gone."""
        self._desk.close()
        self._tail.close()
        self._producer.close(finished=self._stopping)


if __name__ == "__main__":
    os.nice(NICENESS)
    main(BookAuditor)
