"""One websocket connection to the exchange: websocket-client's handshake and protocol, read in large pieces.

The library reads two or three times a frame, each a system call. Here the way from socket to bytes is replaced
(`pieces.py`); the library keeps the protocol.
"""

from websocket import (
    ABNF,
    WebSocket,
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
    WebSocketException,
    WebSocketTimeoutException,
)

from common.core.causes import Cause
from common.core.exchange_told import EXCHANGE_HEADER, contradiction
from common.core.market import Exchange
from common.errors import ExchangeError
from common.polymarket.pieces import BoundedFragments, NotYet, PieceBuffer, Received, TooLarge
from common.polymarket.tls import TlsContext
from common.polymarket.user_agent import user_agent

SEND_TIMEOUT_S = 5.0
_KEPT_HEADERS = ("cf-ray", "date", "server", EXCHANGE_HEADER)


class ConnectionEnded(Exception):
    """The connection is over. `reason` is one fixed word, as in gap rows, `detail` what came with it."""

    def __init__(self, reason: Cause, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Connection:
    """An open connection. `receive` never waits: poll `fileno()`, then call it until it gives None."""

    def __init__(
        self, url: str, *, handshake_timeout_s: float, max_frame_bytes: int, expected: Exchange | None = None
    ) -> None:
        """Connect and shake hands, blocking. Raises ExchangeError with what the host did instead.

        A host that is not the `expected` exchange is refused as well; None takes either.
        """
        try:
            secure = {"context": TlsContext()} if url.startswith("wss:") else {}
            websocket = WebSocket(enable_multithread=False, skip_utf8_validation=True, sslopt=secure)
            websocket.connect(  # type: ignore[no-untyped-call]
                url,
                timeout=handshake_timeout_s,
                redirect_limit=0,
                suppress_origin=True,
                header=[f"User-Agent: {user_agent()}"],
            )
        except WebSocketBadStatusException as error:
            raise ExchangeError(f"{url}: refused the handshake with HTTP {error.status_code}") from error
        except (WebSocketTimeoutException, TimeoutError) as error:
            raise ExchangeError(
                f"{url}: did not answer the handshake in {handshake_timeout_s:g} s"
            ) from error
        except (WebSocketException, OSError, ValueError) as error:
            raise ExchangeError(f"{url}: cannot be reached ({error})") from error
        if websocket.sock is None:
            raise ExchangeError(f"{url}: closed the connection during the handshake")
        headers = websocket.getheaders() or {}
        if refusal := contradiction(headers, expected):
            websocket.shutdown()  # type: ignore[no-untyped-call]
            raise ExchangeError(f"{url}: {refusal}")
        websocket.sock.settimeout(0)
        websocket.frame_buffer = self._pieces = PieceBuffer(websocket, max_frame_bytes)
        websocket.cont_frame = self._fragments = BoundedFragments(max_frame_bytes)
        self._websocket = websocket
        self.handshake_headers = {name: headers[name] for name in _KEPT_HEADERS if name in headers}

    def fileno(self) -> int:
        """The socket, for polling."""
        if self._websocket.sock is None:
            raise ConnectionEnded("connection_lost", "socket is closed")
        return self._websocket.sock.fileno()

    def receive(self) -> Received | None:
        """The next message by itself, or None until more bytes arrive. Raises ConnectionEnded with its reason."""
        while True:
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
    def exhausted(self) -> bool:
        """Whether all that was there has been received: nothing comes before the socket is readable again."""
        return self._pieces.drained and self._pieces.empty

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


_ENDINGS = (WebSocketException, OSError, ValueError)  # ConnectionError is an OSError


def _ended_by(error: Exception) -> ConnectionEnded:
    """What ends a connection, in our words."""
    if isinstance(error, TooLarge):
        return ConnectionEnded("frame_too_large", str(error))
    if isinstance(error, WebSocketConnectionClosedException | ConnectionError):
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
