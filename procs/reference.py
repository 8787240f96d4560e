"""Records the reference prices of one place: what settles the windows of coins, or what to compare it with.

It is beside the books: nothing that happens here, and no place that is silent, makes the recording's health red.
"""

import logging

from common.core.causes import Cause
from common.core.exchange_told import is_loopback
from common.core.feed.rules import STALE_EVENTS, Action, Event, State, stale_reason
from common.core.reference.sources import channels_at, coins_of, place_of
from common.core.rows.names import REFERENCE
from common.feed.feed_settings import reference_rules
from common.feed.one_dial import HANDSHAKE_TIMEOUT_S, OneDial, connected
from common.feed.recording import Now, Recording
from common.feed.reference_session import ReferenceSession
from common.feed.token_share import DiscoveredMarkets
from common.network.errors import DialError
from common.polymarket.websocket.connection import ConnectionEnded
from common.runtime.process import Runtime, main
from common.runtime.producer import Producer
from common.runtime.run.details import ReferenceDetails
from common.runtime.run.facts import last_details

NS = 1_000_000_000
ROUND_NS = 50_000_000
QUIET_SILENCES = 5  # one coin may have no trade for a while where the connection is well
_NOT_SILENT = (State.RECEIVING, State.LEAVING, State.DONE)

log = logging.getLogger("reference")


class Reference:
    """One connection to one place, for as long as windows of coins are recorded."""

    def __init__(self, runtime: Runtime) -> None:
        settings = runtime.settings.reference
        before = last_details(runtime.run_dir, runtime.name, ReferenceDetails)
        self._runtime = runtime
        self._place = place_of(runtime.name)
        self._channels = channels_at(self._place, settings.sources)
        self._url = settings.rtds_url if self._place == "rtds" else settings.binance_url
        self._producer = Producer(runtime, REFERENCE, is_reader=True)
        self._recording = Recording(
            self._producer.outbox, self._now(), gaps_before=before.gaps if before else ()
        )
        self._rules = reference_rules(runtime.settings, handshake_timeout_s=HANDSHAKE_TIMEOUT_S)
        self._discovered = DiscoveredMarkets(
            runtime.data_root, runtime.settings.discovery, runtime.assignment.exchange
        )
        self._silence_ns = int(settings.silence_seconds * NS)
        self._rotation_ns = runtime.settings.writer.rotation_interval_seconds * NS
        self._window = self._now().wall_ns // self._rotation_ns
        self._coins: tuple[str, ...] = ()
        self._dial = OneDial(lambda: connected(runtime, self._url))
        self._session: ReferenceSession | None = None
        self._last_price_ns = before.last_price_at_ns if before else 0
        self._last_error = before.last_error if before else ""
        self._silent_since_ns = before.silent_since_ns if before else 0
        self._gaps_counted = 0
        self._next_round_ns = 0

    def step(self, timeout_s: float) -> bool:
        """Keep the session, record what came, serve the queue. False when stopped and drained."""
        if self._session is not None:
            self._read(self._session)
        now = self._now()
        if now.monotonic_ns >= self._next_round_ns:
            self._next_round_ns = now.monotonic_ns + ROUND_NS
            if not self._attend(now):
                return False
        self._wait(timeout_s)
        return True

    def _attend(self, now: Now) -> bool:
        """All that is due beside reading; False when there is nothing left to do."""
        self._coins = coins_of(self._discovered.markets(now.monotonic_ns)) if self._may_dial else ()
        if self._session is not None:
            self._keep_up(self._session, now)
        else:
            self._attend_dial(now)
        due = self._rules.due(now.monotonic_ns)
        if due is not None:
            self._on(due, now)
        self._note_silence(now)
        self._turn_window(now)
        self._recording.catch_up(now)
        self._producer.serve(now.monotonic_ns)
        return not (self._rules.state is State.DONE and self._recording.complete and self._producer.drained)

    def _now(self) -> Now:
        return Now(self._runtime.clock.wall_ns(), self._runtime.clock.monotonic_ns())

    @property
    def _may_dial(self) -> bool:
        """A simulated run asks nobody outside of this machine, whatever the settings name."""
        return self._runtime.assignment.exchange != "simulated" or is_loopback(self._url)

    def _wait(self, timeout_s: float) -> None:
        if self._session is not None and self._session.more_to_read:
            timeout_s = 0
        elif self._dial.runs or self._rules.state in {State.LEAVING, State.DONE}:
            timeout_s = min(timeout_s, 0.01)
        if self._producer.wait(timeout_s):
            self._next_round_ns = 0

    def _read(self, session: ReferenceSession) -> None:
        try:
            if session.read():
                self._last_price_ns = session.last_price_ns
                self._silent_since_ns = 0
                self._on(Event.MARKET_MOVED, self._now())
        except ConnectionEnded as end:
            self._last_price_ns = max(self._last_price_ns, session.last_price_ns)
            self._on(Event.ENDED, self._now(), end)

    def _keep_up(self, session: ReferenceSession, now: Now) -> None:
        if self._rules.state is State.LEAVING:
            return
        if not self._coins:
            self._on(Event.TOKENS_GONE, now)
            return
        try:
            session.keep_up(self._coins, now)
        except ConnectionEnded as end:
            self._on(Event.ENDED, now, end)

    def _attend_dial(self, now: Now) -> None:
        if not self._dial.done:
            self._on(Event.TOKENS_APPEARED if self._coins else Event.TOKENS_GONE, now)
            return
        try:
            connection = self._dial.take()
        except DialError as error:
            self._rules.leave_alone(error.retry_after_s)
            self._fail(str(error))
            self._on(Event.DIAL_FAILED, now)
            return
        self._session = ReferenceSession(
            self._runtime, connection, self._recording, place=self._place, channels=self._channels
        )
        self._producer.watch(self._session.fileno())
        self._on(Event.CONNECTED, now)

    def _on(self, event: Event, now: Now, end: ConnectionEnded | None = None) -> None:
        """Take an event through the table and do its action."""
        before = self._rules.state
        match self._rules.take(event, now.monotonic_ns):
            case Action.DIAL:
                self._dial.begin()
            case Action.FORGET_DIAL:
                self._forget_dial(event)
            case Action.SUBSCRIBE | Action.CLOSE as action:
                self._speak(action, now)
            case Action.DROP | Action.DROP_AND_DISCOVER:
                self._drop(event, before, now, end)

    def _forget_dial(self, event: Event) -> None:
        self._dial.forget()
        if event is Event.DIAL_OVERDUE:
            self._fail(f"{self._url}: the dial did not end in time")

    def _fail(self, reason: str) -> None:
        self._last_error = reason
        self._runtime.tally.add("reference_dial_failures_total")
        log.warning("a source of reference prices does not answer", extra={"reason": reason})

    def _speak(self, action: Action, now: Now) -> None:
        assert self._session is not None
        try:
            if action is Action.CLOSE:
                self._session.ask_to_close()
            else:
                self._open(self._session, now)
        except ConnectionEnded as end:
            self._on(Event.ENDED, now, end)

    def _open(self, session: ReferenceSession, now: Now) -> None:
        number = self._producer.outbox.numbers.next_connection()
        if number > 1:
            self._runtime.tally.add("reference_reconnects_total")
        session.open(f"{self._producer.name}-c{number}", self._url, self._coins, now)

    def _drop(self, event: Event, state: State, now: Now, end: ConnectionEnded | None) -> None:
        assert self._session is not None
        session, self._session = self._session, None
        reason = self._why(event, state, end)
        detail = session.refusal or (end.detail if end is not None else "")
        since_ns = None if state is State.LEAVING else session.good_until_ns
        self._producer.watch(None)
        session.drop()
        self._recording.close_session(reason, detail, now, silent_since_ns=since_ns)
        if state is not State.LEAVING:
            self._last_error = f"{self._url}: {reason} {detail}".strip()
            shown = {"source": self._place, "reason": reason, "detail": detail}
            log.warning("session of reference prices ended", extra=shown)

    def _why(self, event: Event, state: State, end: ConnectionEnded | None) -> Cause:
        if state is State.LEAVING:
            return "recorder_stopping" if self._rules.state is State.DONE else "no_active_tokens"
        if event in STALE_EVENTS:
            return stale_reason(state)
        return end.reason if end is not None else "connection_lost"

    def _note_silence(self, now: Now) -> None:
        """Since when prices are wanted and do not come."""
        if not self._coins:
            self._silent_since_ns = 0
        elif not self._silent_since_ns and self._rules.state not in _NOT_SILENT:
            self._silent_since_ns = now.wall_ns

    def _turn_window(self, now: Now) -> None:
        window = now.wall_ns // self._rotation_ns
        if window > self._window:
            self._window = window
            self._recording.turn_window(self._url, now, idle=not self._coins)

    def stop(self) -> None:
        """Ask for an orderly close; what is under way is still recorded."""
        self._on(Event.STOP, self._now())

    def details(self) -> ReferenceDetails:
        """State, coins, silence, gaps and outbox, as the run manifest shows them."""
        now, declared = self._now(), self._recording.gaps_declared.total()
        self._runtime.tally.add("reference_gaps_total", declared - self._gaps_counted)
        self._gaps_counted = declared
        return ReferenceDetails(
            source=self._place,
            state=self._rules.shown,
            coins=self._coins,
            channels=self._channels,
            last_price_at_ns=self._last_price_ns,
            silent_since_ns=self._silent_since_ns,
            quiet=self._session.quiet(now, QUIET_SILENCES * self._silence_ns)
            if self._session is not None
            else (),
            last_error=self._trouble,
            gaps=tuple(self._recording.recent_gaps),
            outbox=self._producer.shown(self._recording.told_until_ns(now)),
        )

    @property
    def _trouble(self) -> str:
        if not self._may_dial:
            return f"{self._url}: is not on this machine, and this run is simulated: it is not asked"
        if self._session is not None and self._session.refusal:
            return f"{self._url}: refused: {self._session.refusal}"
        return "" if self._rules.state is State.RECEIVING else self._last_error

    def close(self) -> None:
        """Release the outbox; drained, it is gone."""
        if self._session is not None:
            self._session.drop()
        self._producer.close(finished=self._rules.state is State.DONE)


if __name__ == "__main__":
    main(Reference)
