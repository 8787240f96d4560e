"""One open session with a place that tells reference prices: everything is recorded, then looked at."""

import logging

from common.core.reference.frames import Channel, read_frame
from common.core.reference.heard import Heard
from common.core.reference.sources import PING, PING_INTERVAL_S, Place, subscriptions
from common.feed.recording import Now, Recording
from common.polymarket.websocket.connection import Connection
from common.runtime.process import Runtime
from common.version import PROGRAM_VERSION

NS = 1_000_000_000
MESSAGES_A_READ = 512

log = logging.getLogger("reference")


class ReferenceSession:
    """From the first subscription to the end of the connection, which any method but `drop` may raise.

    `last_price_ns` (wall time) is when the newest price came, 0 before the first.
    """

    def __init__(
        self,
        runtime: Runtime,
        connection: Connection,
        recording: Recording,
        *,
        place: Place,
        channels: tuple[Channel, ...],
    ) -> None:
        self._runtime, self._connection, self._recording = runtime, connection, recording
        self._place, self._channels = place, channels
        self._pinged_ns = 0
        self._heard = Heard()
        self._opened = Now(0, 0)
        self.coins: tuple[str, ...] = ()
        self.last_price_ns = 0
        self.more_to_read = False
        self.refusal = ""

    @property
    def good_until_ns(self) -> int:
        """Up to when (wall time) nothing is missing: a gap begins there if the session ends now."""
        return self.last_price_ns or self._opened.wall_ns

    def open(self, session_id: str, url: str, coins: tuple[str, ...], now: Now) -> None:
        """Record the opening and subscribe."""
        self._opened, self._pinged_ns = now, now.monotonic_ns
        detail = {
            "source": self._place,
            "channels": self._channels,
            "coins": coins,
            "handshake_headers": self._connection.handshake_headers,
            "program_version": PROGRAM_VERSION,
        }
        self._recording.open_session(session_id, url, (), now, detail)
        log.info("session opened", extra={"session_id": session_id, "coins": list(coins)})
        self._subscribe(coins, now)

    def _subscribe(self, coins: tuple[str, ...], now: Now) -> None:
        self.coins = (*self.coins, *coins)
        self._heard.wanted(self._channels, coins, now.monotonic_ns)
        for text in subscriptions(self._place, coins, self._channels):
            self._connection.send_text(text)

    def fileno(self) -> int:
        """For polling."""
        return self._connection.fileno()

    def read(self) -> bool:
        """Record what has arrived, up to a bound; whether a price was among it."""
        clock, count, before_ns = self._runtime.clock, 0, self.last_price_ns
        self.more_to_read = True
        while self.more_to_read and count < MESSAGES_A_READ:
            received = self._connection.receive_many()
            if received is None:
                self.more_to_read = False
                break
            self.more_to_read = not self._connection.exhausted
            if not received.payloads:
                break
            at = Now(clock.wall_ns(), clock.monotonic_ns())
            self._recording.messages(received.payloads, received.opcode, at)
            count += len(received.payloads)
            for payload in received.payloads:
                self._look_into(payload, at)
        return self.last_price_ns > before_ns

    def _look_into(self, payload: bytes, at: Now) -> None:
        frame, tally = read_frame(payload), self._runtime.tally
        tally.add("reference_messages_total")
        for price in frame.prices:
            self.last_price_ns = at.wall_ns
            match self._heard.note(price, at.monotonic_ns):
                case "repeated":
                    tally.add("reference_repeated_total")
                case "disordered":
                    tally.add("reference_disordered_total")
        if frame.refusal:
            tally.add("reference_refusals_total")
            if not self.refusal:
                log.warning("a request was refused", extra={"source": self._place, "answer": frame.refusal})
            self.refusal = frame.refusal

    def keep_up(self, coins: tuple[str, ...], now: Now) -> None:
        """Say what is due: the keepalive, and a subscription of coins that are new. None is ever dropped."""
        new = tuple(coin for coin in coins if coin not in self.coins)
        if new:
            self._recording.change_subscription((), now, {"subscribed": new, "unsubscribed": []})
            self._subscribe(new, now)
        if self._place == "rtds" and now.monotonic_ns - self._pinged_ns >= PING_INTERVAL_S * NS:
            self._pinged_ns = now.monotonic_ns
            self._connection.send_text(PING)

    def quiet(self, now: Now, limit_ns: int) -> tuple[str, ...]:
        """The coins, each with its channel, of which nothing came for so long."""
        return self._heard.quiet(now.monotonic_ns, limit_ns)

    def ask_to_close(self) -> None:
        """What is under way still arrives."""
        self._connection.send_close()

    def drop(self) -> None:
        """Let go of the connection."""
        self._connection.close()
