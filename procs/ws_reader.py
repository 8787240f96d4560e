"""One websocket connection: receive, stamp both clocks, number, append to the outbox; nothing else.

It never waits for disk, HTTP or another process: dialing happens beside the loop, the queue is polled. When to
dial, subscribe, replace or ask for a discovery is the table in `common/core/feed/rules.py`.
"""

import logging
from collections import Counter

from common.core.causes import Cause
from common.core.clock_step import step_ns
from common.core.counters import GAPS, part
from common.core.feed.opening_books import BookWatch
from common.core.feed.rules import (
    STALE_EVENTS,
    Action,
    Event,
    State,
    stale_reason,
)
from common.core.feed.session_history import SessionHistory
from common.core.feed.wanted_tokens import WantedTokens
from common.core.rows.names import WS_RAW
from common.feed.dialing import Dialing
from common.feed.feed_settings import feed_rules
from common.feed.healer import Healer
from common.feed.market_session import MarketSession
from common.feed.one_dial import HANDSHAKE_TIMEOUT_S
from common.feed.other_leg import OtherLeg
from common.feed.reader_watch import ReaderWatch
from common.feed.recording import Now, Recording
from common.feed.token_share import TokenShare
from common.network.errors import DialError
from common.polymarket.websocket.connection import ConnectionEnded
from common.runtime.process import Runtime, main
from common.runtime.producer import Producer
from common.runtime.run.details import ReaderDetails
from common.runtime.run.facts import last_details

NS = 1_000_000_000
LINGER_NS = 15 * NS
ROUND_NS = NS // 20  # in between only what arrives is read: most steps are one message
PAUSE_NS = 5 * NS  # a longer step means that this process was stopped, not that the feed was silent

_REPLACED_FOR = frozenset({Event.BOOKS_MISSING, Event.BOOK_DIVERGED})

log = logging.getLogger("ws_reader")


class WsReader:
    """Keeps one session open while there are tokens to record, and records every message of it."""

    def __init__(self, runtime: Runtime) -> None:
        before = last_details(runtime.run_dir, runtime.name, ReaderDetails)
        self._runtime = runtime
        self._producer = Producer(runtime, WS_RAW, is_reader=True)
        self._recording = Recording(
            self._producer.outbox, self._now(), gaps_before=before.gaps if before else ()
        )
        self._counters_before = Counter(runtime.tally.counters)
        self._healer = Healer(runtime, self._recording, before.wishes_taken if before else 0)
        self._history = SessionHistory(before.recent_sessions if before else ())
        self._share = TokenShare(runtime)
        self._wanted = WantedTokens(LINGER_NS)
        self._books = BookWatch(int(runtime.settings.websocket.first_book_timeout_seconds * NS))
        self._watch = ReaderWatch(
            runtime,
            self._producer.outbox,
            recording=self._recording,
            wanted=self._wanted,
            books=self._books,
            share=self._share,
        )
        self._rules = feed_rules(runtime.settings.websocket, handshake_timeout_s=HANDSHAKE_TIMEOUT_S)
        self._dialing = Dialing(runtime)
        self._other_leg = OtherLeg(runtime.run_dir, runtime.leg)
        self._to_replace: tuple[Event, ConnectionEnded | None] | None = None
        self._session: MarketSession | None = None
        self._discovery_seen: object = None
        self._stepped: Now | None = None
        self._clocks = self._both_clocks()
        self._next_round_ns = 0
        self._last_market_data_ns = before.last_market_data_at_ns if before else 0
        self._heard_since_round = False
        self._last_error = ""

    def step(self, timeout_s: float) -> bool:
        """Keep the session, record what came, serve the queue. False when stopped and drained."""
        if self._session is not None and self._runtime.clock.monotonic_ns() < self._next_round_ns:
            self._read(self._session)
        elif not self._attend(self._now()):
            return False
        self._wait(timeout_s)
        return True

    def _attend(self, now: Now) -> bool:
        """All that is due beside reading, with the reading; False when there is nothing left to do."""
        self._next_round_ns = now.monotonic_ns + ROUND_NS
        self._notice_pause(now)
        self._wanted.set_listed(self._share.tokens(now.monotonic_ns), now.monotonic_ns)
        if self._session is not None:
            self._attend_session(self._session, now)
        else:
            self._attend_dialing(now)
        self._watch.attend(self._session, now)
        due = self._rules.due(now.monotonic_ns)
        if due is not None:
            self._on(due, now)
        self._watch.turn_window(now)
        if self._rules.state is State.DONE:
            self._watch.finish(now)
        self._recording.catch_up(now)
        self._producer.serve(now.monotonic_ns)
        return not (self._rules.state is State.DONE and self._recording.complete and self._producer.drained)

    def _now(self) -> Now:
        return Now(self._runtime.clock.wall_ns(), self._runtime.clock.monotonic_ns())

    def _both_clocks(self) -> tuple[int, int]:
        """The wall clock, and the one that is never set."""
        return self._runtime.clock.wall_ns(), self._runtime.clock.boot_ns()

    def _notice_pause(self, now: Now) -> None:
        """A machine that sleeps stops the monotonic clock, not that of its boot, which also shows one that was set."""
        before, self._stepped = self._stepped, now
        if before is None:
            return
        slept_ns = now.monotonic_ns - before.monotonic_ns
        (wall_ns, boot_ns), self._clocks = self._clocks, self._both_clocks()
        passed_ns = self._clocks[1] - boot_ns
        if set_by_ns := step_ns(self._clocks[0] - wall_ns, passed_ns):
            self._clock_set(set_by_ns, now)
        longest_ns = max(slept_ns, passed_ns)
        if longest_ns <= PAUSE_NS:
            return
        if slept_ns > PAUSE_NS:
            self._rules.paused(slept_ns)
        self._runtime.tally.add("pauses_total")
        log.warning("this process was paused", extra={"for_s": round(longest_ns / NS, 3)})
        if self._session is not None:
            self._session.life.paused()

    def _clock_set(self, set_by_ns: int, now: Now) -> None:
        """Gaps that have begun are told on the clock of now: else they would be as long as the step."""
        log.warning("the wall clock was set", extra={"by_s": round(set_by_ns / NS, 3)})
        self._recording.clock_set(set_by_ns, now)
        self._watch.unrecorded.clock_set(set_by_ns, now)
        if self._session is not None:
            self._session.life.clock_set(set_by_ns, now)

    def _wait(self, timeout_s: float) -> None:
        if self._session is not None and self._session.more_to_read:
            timeout_s = 0
        elif self._session is None and (self._dialing.runs or self._rules.state is State.DONE):
            timeout_s = min(timeout_s, 0.01)
        if self._producer.wait(timeout_s):
            self._next_round_ns = 0

    # Sessions

    def _attend_session(self, session: MarketSession, now: Now) -> None:
        if not self._read(session):
            return
        self._tell_if_heard(now)
        try:
            leaving = self._rules.state is State.LEAVING
            event = session.keep_up(now) if not leaving else None
            wished = self._healer.attend(session if not leaving else None, now)
        except ConnectionEnded as end:
            self._on(Event.ENDED, self._now(), end)
            return
        self._rules.alive(session.life.alive_ns)
        if event is not None:
            self._come_to(event, now)
        elif wished is not None:
            self._come_to(wished[0], now, wished[1])
        elif self._to_replace is not None:
            self._come_to(self._to_replace[0], now, self._to_replace[1])

    def _come_to(self, event: Event, now: Now, end: ConnectionEnded | None = None) -> None:
        """A connection that works, but is to be replaced, stays until the other leg records."""
        if event in _REPLACED_FOR and not self._other_leg.allows_replacement(now.monotonic_ns):
            self._to_replace = event, end
        else:
            self._on(event, now, end)

    def _read(self, session: MarketSession) -> bool:
        """Record what arrived; False when that was the end of the session."""
        try:
            if session.read():
                self._last_market_data_ns = session.last_market_data_ns
                self._heard_since_round = True
        except ConnectionEnded as end:
            now = self._now()
            self._last_market_data_ns = max(self._last_market_data_ns, session.last_market_data_ns)
            self._tell_if_heard(now)
            self._on(Event.ENDED, now, end)
            return False
        return True

    def _tell_if_heard(self, now: Now) -> None:
        """Market data is told to the table once a round, and before an end."""
        if self._heard_since_round:
            self._heard_since_round = False
            moved = self._session is not None and self._session.life.moved
            self._on(Event.MARKET_MOVED if moved else Event.MARKET_DATA, now)

    def _attend_dialing(self, now: Now) -> None:
        self._healer.attend(None, now)
        if self._dialing.done:
            self._take_dialed(now)
        elif self._rules.state is State.DIALING:
            self._dialing.attend(now.monotonic_ns)
        elif self._rules.state is State.DISCOVERING and self._share.version != self._discovery_seen:
            self._on(Event.DISCOVERED, now)
        else:
            tokens = self._wanted.now(now.monotonic_ns)
            if not tokens:
                self._watch.unrecorded.follow((), now, since_ns=self._recording.outage_since_ns)
            self._on(Event.TOKENS_APPEARED if tokens else Event.TOKENS_GONE, now)

    def _take_dialed(self, now: Now) -> None:
        try:
            connection = self._dialing.take(now.monotonic_ns)
        except DialError as error:
            self._rules.leave_alone(error.retry_after_s)
            self._count_dial_failure(str(error))
            self._on(Event.DIAL_FAILED, now)
            return
        self._session = MarketSession(
            self._runtime,
            connection,
            recording=self._recording,
            wanted=self._wanted,
            books=self._books,
            history=self._history,
            unrecorded=self._watch.unrecorded,
            opens_ns=self._share.opens_ns,
        )
        self._producer.watch(self._session.fileno())
        self._on(Event.CONNECTED, now)

    # What the table says

    def _on(self, event: Event, now: Now, end: ConnectionEnded | None = None) -> None:
        """Take an event through the table and do its action."""
        state = self._rules.state
        action = self._rules.take(event, now.monotonic_ns)
        if action is Action.DIAL:
            self._rules.paused(self._dialing.begin(now.monotonic_ns))
        elif action is Action.FORGET_DIAL:
            self._forget_dial(event)
        elif action in {Action.SUBSCRIBE, Action.CLOSE}:
            self._speak(action, now)
        elif action in {Action.DROP, Action.DROP_AND_DISCOVER}:
            self._drop(event, state, now, end)
        if self._rules.state is State.WAITING and state is not State.WAITING and self._rules.wait_s:
            waits = {"reason": self._last_error, "wait_s": round(self._rules.wait_s, 3)}
            log.warning("dialing again later", extra=waits)

    def _forget_dial(self, event: Event) -> None:
        self._dialing.forget()
        if event is Event.DIAL_OVERDUE:
            self._count_dial_failure(
                f"{self._runtime.settings.exchange.ws_url}: the dial did not end in time"
            )

    def _count_dial_failure(self, reason: str) -> None:
        self._last_error = reason
        self._runtime.tally.add("dial_failures_total")

    def _speak(self, action: Action, now: Now) -> None:
        assert self._session is not None
        try:
            if action is Action.CLOSE:
                self._session.ask_to_close()
                return
            number = self._producer.outbox.numbers.next_connection()
            if number > 1:
                self._runtime.tally.add("reconnects_total")
            self._last_error = ""
            name = f"{self._producer.name}-c{number}"
            self._session.open(name, now, clock_error_ms=self._dialing.clock_error_ms)
        except ConnectionEnded as end:
            self._on(Event.ENDED, now, end)

    def _drop(self, event: Event, state: State, now: Now, end: ConnectionEnded | None) -> None:
        """The session is over, for the reason the exchange gave, or else for what the event says."""
        assert self._session is not None
        reason = self._why(event, state, end)
        words = end.detail if end is not None else ""
        if event in STALE_EVENTS:
            self._runtime.tally.add("stale_reconnects_total")
        if self._rules.state is State.DISCOVERING:
            self._discovery_seen = self._share.version
            self._runtime.tally.add("forced_discovery_refreshes_total")
        self._producer.watch(None)
        self._session.end(reason, words, now, stale=event in STALE_EVENTS)
        self._to_replace = None
        self._watch.session_over(self._session, proved_frozen=event is Event.PROVED_FROZEN)
        self._session = None
        self._last_error = "" if state is State.LEAVING else f"{reason} {words}".strip()

    def _why(self, event: Event, state: State, end: ConnectionEnded | None) -> Cause:
        if state is State.LEAVING:
            return "recorder_stopping" if self._rules.state is State.DONE else "no_active_tokens"
        if event in STALE_EVENTS:
            return stale_reason(state)
        return end.reason if end is not None else "no_first_book"

    # The process

    def stop(self) -> None:
        """Ask the exchange for an orderly close; what is under way is still recorded."""
        self._on(Event.STOP, self._now())

    def details(self) -> ReaderDetails:
        """State, sessions, gaps and outbox, as the run manifest shows them."""
        if self._session is not None:
            self._session.count()
            self._history.counted(self._recording.session_messages)
        counters = self._runtime.tally.counters
        declared, before = self._recording.gaps_declared, self._counters_before
        counters[GAPS] = before[GAPS] + declared.total()
        for cause, count in declared.items():
            counters[part(GAPS, cause)] = before[part(GAPS, cause)] + count
        counters["consecutive_stale_reconnects"] = self._rules.consecutive_stale
        return ReaderDetails(
            state=self._rules.shown,
            last_market_data_at_ns=self._last_market_data_ns,
            last_error=self._last_error,
            tokens=len(self._session.subscribed) if self._session is not None else 0,
            all_settled=self._wanted.all_settled,
            tokens_without_book=len(self._books.missing),
            recent_sessions=self._history.rows(),
            gaps=tuple(self._recording.recent_gaps),
            wishes_taken=self._healer.taken,
            outbox=self._producer.shown(self._told_until_ns()),
        )

    def _told_until_ns(self) -> int:
        """A gap may still begin where knowledge ends now."""
        told = self._watch.told_until_ns(self._now())
        leaving = self._rules.state is State.LEAVING
        return told if self._session is None or leaving else min(told, self._session.life.good_until_ns)

    def close(self) -> None:
        """Release the outbox; drained, it is gone. A session is over by now, unless an error ended us."""
        if self._session is not None:
            self._session.drop()
        self._producer.close(finished=self._rules.state is State.DONE)


if __name__ == "__main__":
    main(WsReader)
