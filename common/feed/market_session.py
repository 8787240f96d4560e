"""One open session of a reader: what is read is recorded, and the subscription follows what is wanted."""

import logging
from collections.abc import Callable, Collection, Sequence

from common.core.causes import Cause
from common.core.feed.known_good import PONGS
from common.core.feed.opening_books import BookWatch
from common.core.feed.rules import Event
from common.core.feed.session_history import SessionHistory
from common.core.feed.wanted_tokens import WantedTokens, change_between
from common.core.market import Token
from common.feed.recording import Now, Recording
from common.feed.session_life import SessionLife
from common.feed.unrecorded import Unrecorded
from common.polymarket.market_channel import (
    PING,
    has_book,
    hint_marks,
    holds_news,
    is_new_market_hint,
    is_refusal,
    resolved_tokens,
    subscribe_first,
    subscribe_more,
    unsubscribe,
)
from common.polymarket.websocket.connection import Connection, ConnectionEnded
from common.runtime.process import Runtime
from common.version import PROGRAM_VERSION

NS = 1_000_000_000
MESSAGES_A_READ = 512
HINT_INTERVAL_NS = 30 * NS
_OF_OUR_OWN: Collection[Cause] = ("no_active_tokens", "recorder_stopping")  # nothing is wanted from then on

log = logging.getLogger("ws_reader")


class MarketSession:
    """From the first subscription to the end of the connection.

    What outlasts a session (recording, wishes, missing books, history) belongs to the reader and is lent. A
    lost connection raises ConnectionEnded from any method but `end`.
    """

    def __init__(
        self,
        runtime: Runtime,
        connection: Connection,
        *,
        recording: Recording,
        wanted: WantedTokens,
        books: BookWatch,
        history: SessionHistory,
        unrecorded: Unrecorded,
        opens_ns: Callable[[str], int],
    ) -> None:
        """`opens_ns`: when the window of a token opens (wall time)."""
        self._unrecorded, self._opens_ns = unrecorded, opens_ns
        self._runtime, self._connection = runtime, connection
        self._recording, self._wanted, self._books, self._history = recording, wanted, books, history
        self._ping_ns = int(runtime.settings.websocket.ping_interval_seconds * NS)
        self._pinged_ns = 0
        self._hinted_ns = 0
        self._hints = hint_marks(runtime.settings.discovery.wanted)
        self.session_id = ""
        self.subscribed: tuple[Token, ...] = ()
        self.more_to_read = False
        self.last_market_data_ns = 0  # wall time, 0 before the first
        self.life = SessionLife(Now(0, 0))
        self._messages = self._bytes = 0
        self._asked: tuple[str, int, int] | None = (
            None  # the last request: what, of how many tokens, and when
        )

    def open(self, session_id: str, now: Now, *, clock_error_ms: float | None) -> None:
        """Record the opening and send the first subscription. `clock_error_ms`: how far our clock may be off."""
        self.session_id = session_id
        self.subscribed = self._wanted.now(now.monotonic_ns)
        self._pinged_ns = now.monotonic_ns
        self.life = SessionLife(now)
        detail = {
            "handshake_headers": self._connection.handshake_headers,
            "clock_error_ms": clock_error_ms,
            "program_version": PROGRAM_VERSION,
        }
        url = self._runtime.settings.exchange.ws_url
        outage_since_ns = self._recording.outage_since_ns
        self._recording.open_session(session_id, url, self.subscribed, now, detail)
        self._unrecorded.follow(self.subscribed, now, since_ns=outage_since_ns)
        self._history.opened(session_id, now.wall_ns, len(self.subscribed))
        token_ids = [token.token_id for token in self.subscribed]
        self._books.subscribed(_trading(self.subscribed, now.wall_ns), now.monotonic_ns)
        log.info("session opened", extra={"session_id": session_id, "tokens": len(token_ids)})
        self._ask(subscribe_first(token_ids), "first subscription", token_ids)

    def fileno(self) -> int:
        """For polling."""
        return self._connection.fileno()

    def read(self) -> bool:
        """Record what has arrived, up to a bound; whether market data was among it."""
        clock, connection = self._runtime.clock, self._connection
        count = size = alive_ns = 0
        self.more_to_read = True
        try:
            while self.more_to_read and count < MESSAGES_A_READ:
                received = connection.receive_many()
                if received is None:
                    self.more_to_read = False
                    break
                self.more_to_read = not connection.exhausted
                payloads = received.payloads
                if not payloads:
                    break  # control frames alone: what is due has its turn before more of them
                at = Now(clock.wall_ns(), clock.monotonic_ns())
                self._recording.messages(payloads, received.opcode, at)
                together = b"\n".join(payloads)  # what is looked for stands within a line
                count += len(payloads)
                size += len(together) - len(payloads) + 1
                if self.life.heard(payloads, at):
                    alive_ns = at.wall_ns
                if holds_news(together) or (self._books.missing and has_book(together)):
                    for payload in payloads:
                        self._look_into(payload, at)
        except ConnectionEnded as end:
            if end.reason == "all_subscribed_assets_resolved":
                self._wanted.resolve(self._over(clock.wall_ns()))
            raise
        finally:
            self._messages += count
            self._bytes += size
            self.last_market_data_ns = alive_ns or self.last_market_data_ns
        return alive_ns > 0

    def count(self) -> None:
        """Tally what was read since the last call."""
        self._runtime.tally.add("ws_messages_total", self._messages)
        self._runtime.tally.add("ws_bytes_total", self._bytes)
        self._runtime.tally.add("ws_control_frames_total", self._connection.take_control_frames())
        self._messages = self._bytes = 0

    def _ask(self, text: str, request: str, token_ids: Sequence[str]) -> None:
        self._asked = (request, len(token_ids), self._runtime.clock.monotonic_ns())
        self._connection.send_text(text)

    def _name_refusal(self, payload: bytes, now: Now) -> None:
        """Count it; the first one after a request is logged with that, as the exchange does not say which it means."""
        self._runtime.tally.add("ws_requests_refused_total")
        if self._asked is None:
            return
        request, tokens, asked_ns = self._asked
        self._asked = None
        log.warning(
            "the exchange did not understand a request",
            extra={
                "answer": payload.decode().strip(),
                "last_request": request,
                "tokens": tokens,
                "after_s": round((now.monotonic_ns - asked_ns) / NS, 3),
            },
        )

    def _over(self, now_ns: int) -> set[str]:
        """The subscribed tokens whose window is over: only these can be settled, whatever a close says.

        It is said too when the exchange never took up our subscription to a window that still trades.
        """
        trading = _trading(self.subscribed, now_ns)
        return {token.token_id for token in self.subscribed} - set(trading)

    def _look_into(self, payload: bytes, now: Now) -> None:
        if b'"new_market"' in payload:
            if is_new_market_hint(payload, self._hints):
                self._ask_for_discovery(now)
            return
        if is_refusal(payload):
            self._name_refusal(payload, now)
        if self._books.missing and has_book(payload):
            self._books.note_payload(payload)
        settled = resolved_tokens(payload)
        if settled:
            self._wanted.resolve(settled)

    def _ask_for_discovery(self, now: Now) -> None:
        if now.monotonic_ns - self._hinted_ns > HINT_INTERVAL_NS:
            self._hinted_ns = now.monotonic_ns
            self._runtime.tally.add("discovery_hints_total")

    def keep_up(self, now: Now) -> Event | None:
        """Say what is due on the connection; the event that the session has come to, None to go on."""
        self.life.runs()
        if self.life.must_prove:
            self._prove(now)
        elif now.monotonic_ns - self._pinged_ns >= self._ping_ns:
            self._ping(now)
        if self.life.arriving(self._connection.arriving_bytes, now):
            self._books.postpone(now.monotonic_ns)
        return self._follow(now) or self._chase_books(now)

    def _ping(self, now: Now) -> None:
        self._pinged_ns = now.monotonic_ns
        self._connection.send_text(PING)

    def _prove(self, now: Now) -> None:
        """After a pause, once all that waited was read: writing to a closed connection can lose what is unread."""
        if not self.more_to_read:
            self.life.proving()
            for _ in range(PONGS):
                self._ping(now)

    def _follow(self, now: Now) -> Event | None:
        change = change_between(self.subscribed, self._wanted.now(now.monotonic_ns))
        if change is None:
            return None
        if not change.tokens:
            return Event.TOKENS_GONE
        self.subscribed = change.tokens
        detail = {"subscribed": change.subscribe, "unsubscribed": change.unsubscribe}
        self._recording.change_subscription(change.tokens, now, detail)
        self._unrecorded.follow(change.tokens, now)
        self._books.dropped(change.unsubscribe)
        new = [token for token in change.tokens if token.token_id in change.subscribe]
        self._books.subscribed(_trading(new, now.wall_ns), now.monotonic_ns)
        if change.subscribe:
            self._ask(subscribe_more(change.subscribe), "subscribe", change.subscribe)
        if change.unsubscribe:
            self._ask(unsubscribe(change.unsubscribe), "unsubscribe", change.unsubscribe)
        return None

    def _chase_books(self, now: Now) -> Event | None:
        if not self._books.missing:
            return None
        trading = set(_trading(self.subscribed, now.wall_ns))
        self._books.dropped([token_id for token_id in self._books.missing if token_id not in trading])
        not_open = {token_id for token_id in self._books.missing if self._opens_ns(token_id) > now.wall_ns}
        overdue = self._books.overdue(now.monotonic_ns, not_open)
        if overdue is None:
            return None
        self._runtime.tally.add("first_books_overdue_total", len(overdue.resubscribe))
        if overdue.replace:
            return Event.BOOKS_MISSING
        self._ask_again(overdue.resubscribe)
        return None

    def siblings_have_books(self, now: Now) -> bool:
        """Whether some of the subscribed tokens that trade have their opening book."""
        return len(self._books.missing) < len(_trading(self.subscribed, now.wall_ns))

    def subscribe_again(self, token_ids: Sequence[str], now: Now) -> None:
        """Have new opening books sent of those of these tokens that are subscribed and still trade."""
        trading = set(_trading(self.subscribed, now.wall_ns))
        again = [token_id for token_id in token_ids if token_id in trading]
        if again:
            self._books.subscribed(again, now.monotonic_ns)
            self._ask_again(again)

    def _ask_again(self, token_ids: Sequence[str]) -> None:
        self._ask(unsubscribe(token_ids), "unsubscribe", token_ids)
        self._ask(subscribe_more(token_ids), "subscribe again", token_ids)

    def ask_to_close(self) -> None:
        """Ask the exchange for an orderly end; what is under way still arrives."""
        self._connection.send_close()

    def drop(self) -> None:
        """Drop the connection and record nothing: the successor finds the session open and ends it."""
        self._connection.close()

    def end(self, reason: Cause, words: str, now: Now, *, stale: bool) -> None:
        """Drop the connection and record the end."""
        self._connection.close()
        self.count()
        self._books.session_over()
        since_ns = None if reason in _OF_OUR_OWN else min(now.wall_ns, self.life.good_until_ns)
        self._recording.close_session(reason, words, now, silent_since_ns=since_ns)
        messages = self._recording.session_messages
        self._history.counted(messages)
        self._history.closed(reason, words, now.wall_ns, stale=stale)
        log.info("session closed", extra={"reason": reason, "detail": words, "messages": messages})


def _trading(tokens: Sequence[Token], now_ns: int) -> list[str]:
    """Those whose window is not over: only they can be expected to have a book."""
    return [token.token_id for token in tokens if token.trades_at(now_ns)]
