"""One websocket connection to the exchange: websocket-client's protocol, read in large pieces.

The library reads two or three times a frame, each a system call, and has no deadline for a handshake. Here the way
from URL to socket (`handshake.py`) and from socket to bytes (`pieces.py`) is replaced; the library keeps the protocol.
"""

import ssl

from websocket import ABNF, WebSocketConnectionClosedException, WebSocketException

from common.core.causes import Cause
from common.core.exchange_told import EXCHANGE_HEADER, contradiction
from common.core.market import Exchange
from common.core.rows.rest import kept_headers
from common.network.errors import DialError
from common.network.race import Resolve
from common.network.resolver import RESOLVER
from common.polymarket.websocket.handshake import open_websocket
from common.polymarket.websocket.pieces import NotYet, Received, TooLarge
from common.polymarket.websocket.protocol import Protocol
from common.polymarket.websocket.tls import TlsSocket

SEND_TIMEOUT_S = 5.0
_ALSO_KEPT = ("server", EXCHANGE_HEADER)
CONTROL_FRAMES_AT_ONCE = 64  # then the caller has its turn: no flood of them keeps it from its other work


class ConnectionEnded(Exception):
    """The connection is over. `reason` is one fixed word, as in gap rows, `detail` what came with it."""

    def __init__(self, reason: Cause, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Connection:
    """An open connection. `receive` never waits: call it until it gives None, then poll `fileno()`."""

    def __init__(
        self,
        url: str,
        *,
        handshake_timeout_s: float,
        max_frame_bytes: int,
        ca_file: str = "",
        expected: Exchange | None = None,
        resolve: Resolve = RESOLVER.addresses,
    ) -> None:
        """Connect and shake hands, blocking, all within the time-out. Nothing is left open where that fails.

        A host that is not the `expected` exchange is refused; None takes either. Raises DialError with what the host,
        or a proxy, did instead.
        """
        try:
            opened = open_websocket(url, timeout_s=handshake_timeout_s, ca_file=ca_file, resolve=resolve)
        except DialError as error:
            raise DialError(
                f"{url}: {error}", retry_after_s=error.retry_after_s, too_many=error.too_many
            ) from error
        if refusal := contradiction(opened.headers, expected):
            opened.sock.close()
            raise DialError(f"{url}: {refusal}")
        if isinstance(opened.sock, TlsSocket):
            opened.sock.deadline = None
        self._websocket = Protocol(opened.sock, max_frame_bytes=max_frame_bytes, behind=opened.behind)
        self._pieces, self._fragments = self._websocket.pieces, self._websocket.fragments
        self._control_frames = 0
        server = {name: opened.headers[name] for name in _ALSO_KEPT if name in opened.headers}
        self.handshake_headers = kept_headers(opened.headers) | server

    def fileno(self) -> int:
        """The socket, for polling."""
        if self._websocket.sock is None:
            raise ConnectionEnded("connection_lost", "socket is closed")
        return self._websocket.sock.fileno()

    def receive(self) -> Received | None:
        """The next message by itself, or None until more bytes arrive. Raises ConnectionEnded with its reason.

        Among many control frames it gives no message and is to be called again, after other work.
        """
        for _ in range(CONTROL_FRAMES_AT_ONCE):
            try:
                opcode, frame = self._websocket.recv_data_frame(control_frame=True)
            except NotYet:
                return None
            except _ENDINGS as error:
                raise _ended_by(error) from error
            if opcode in {ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY}:
                return Received(opcode, [bytes(frame.data)])
            if opcode == ABNF.OPCODE_CLOSE:
                raise _closed_by_exchange(frame.data)
            self._control_frames += 1
        return Received(ABNF.OPCODE_PING, [])

    def receive_many(self) -> Received | None:
        """The next messages, as many as are there at once, or None until more bytes arrive.

        The same that `receive` would give one by one. Raises ConnectionEnded behind the last of them.
        """
        pieces = self._pieces
        while not self._fragments.recving_frames:
            if not pieces.empty:
                if received := pieces.cut():
                    return received
                if pieces.begins_unusual:
                    break
                if pieces.drained:
                    pieces.drained = False
                    return None
            try:
                pieces.fill()
            except NotYet:
                return None
            except _ENDINGS as error:
                raise _ended_by(error) from error
        return self.receive()

    @property
    def arriving_bytes(self) -> int:
        """What is there of a message that is not whole yet."""
        return self._pieces.untaken_bytes

    @property
    def exhausted(self) -> bool:
        """Whether all that was there has been received: nothing comes before the socket is readable again."""
        return self._pieces.drained and self._pieces.empty

    def take_control_frames(self) -> int:
        """How many pings and pongs came since the last call."""
        taken, self._control_frames = self._control_frames, 0
        return taken

    def send_text(self, text: str) -> None:
        """Send one text frame. Raises ConnectionEnded where the exchange does not take it in time."""
        self._send(text.encode(), ABNF.OPCODE_TEXT)

    def send_close(self) -> None:
        """Ask for an orderly end. What was under way still arrives, then ConnectionEnded."""
        self._send((1000).to_bytes(2, "big"), ABNF.OPCODE_CLOSE)

    def _send(self, payload: bytes, opcode: int) -> None:
        try:
            self._websocket.settimeout(SEND_TIMEOUT_S)
            self._websocket.send(payload, opcode)
        except (WebSocketException, OSError) as error:
            raise ConnectionEnded("send_failed", str(error)) from error
        finally:
            self._websocket.settimeout(0)

    def close(self) -> None:
        """Drop the connection at once."""
        self._websocket.shutdown()  # type: ignore[no-untyped-call]


_ENDINGS = (WebSocketException, OSError, ValueError)


def _ended_by(error: Exception) -> ConnectionEnded:
    """What ends a connection, in our words."""
    if isinstance(error, TooLarge):
        return ConnectionEnded("frame_too_large", str(error))
    lost = isinstance(error, WebSocketConnectionClosedException | OSError)  # time-outs and dead networks too
    if lost and not isinstance(error, ssl.SSLError):
        return ConnectionEnded("connection_lost", str(error))
    return ConnectionEnded("protocol_error", str(error))


def _closed_by_exchange(body: bytes) -> ConnectionEnded:
    code = int.from_bytes(body[:2], "big") if len(body) >= 2 else 1005
    words = body[2:].decode("utf-8", "replace")
    if code == 1013:
        return ConnectionEnded("slow_consumer", f"{code} {words}")
    if code == 1000 and "resolved" in words:
        return ConnectionEnded("all_subscribed_assets_resolved", f"{code} {words}")
    return ConnectionEnded("closed_by_exchange", f"{code} {words}".strip())
