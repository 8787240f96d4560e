"""One websocket connection to the exchange: websocket-client's handshake and protocol, read in large pieces.

The library reads two or three times a frame, each a system call. Here the way from socket to bytes is replaced:
`_PieceBuffer` reads what is there, never waiting. Whole messages of the usual kind, in one frame and below 64 KiB, are
cut out of that at once; all else (fragments, control frames, large or strange frames) the library cuts out of it.
"""

import ssl

import msgspec
from websocket import (
    ABNF,
    WebSocket,
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
    WebSocketException,
    WebSocketTimeoutException,
)
from websocket._abnf import continuous_frame, frame_buffer

from common.core.causes import Cause
from common.errors import ExchangeError
from common.polymarket.user_agent import user_agent

PIECE_BYTES = 65_536
TLS_PIECE_BYTES = 16_384  # one TLS record; asking for more costs a larger buffer at each call
MAX_FRAGMENTS = 10_000
SEND_TIMEOUT_S = 5.0
_USUAL = {0x81: 1, 0x82: 2}  # the first byte of a whole text or binary message, no extension, to its opcode
_TWO_MORE_BYTES = 126  # as a length: it stands in the next two bytes (RFC 6455, 5.2); 127 and masks lie above
_LONGEST_USUAL_HEAD = 4
_KEPT_HEADERS = ("cf-ray", "date", "server")


class ConnectionEnded(Exception):
    """The connection is over. `reason` is one fixed word, as in gap rows, `detail` what came with it."""

    def __init__(self, reason: Cause, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Received(msgspec.Struct, frozen=True, gc=False):
    """Messages that arrived together, fragments joined, all with this opcode (RFC 6455's)."""

    opcode: int
    payloads: list[bytes]


class _NotYet(Exception):
    """The next bytes have not arrived; the library resumes where it was."""


class _TooLarge(WebSocketException):
    """A frame or message above the bound."""


class _PieceBuffer(frame_buffer):
    """Feeds the library's frame parser from a buffer that is filled in large non-blocking reads."""

    def __init__(self, websocket: WebSocket, max_frame_bytes: int) -> None:
        super().__init__(websocket._recv, skip_utf8_validation=True)  # noqa: SLF001 - the library's own seam
        self._websocket = websocket
        self._max_frame_bytes = max_frame_bytes
        self._piece_bytes = TLS_PIECE_BYTES if isinstance(websocket.sock, ssl.SSLSocket) else PIECE_BYTES
        self._many_records = isinstance(websocket.sock, ssl.SSLSocket)
        self._buffer = bytearray()
        self._taken = 0
        self._ending: Exception | None = None
        self.drained = False  # the last read took all that was there

    def recv_strict(self, bufsize: int) -> bytes:
        """Exactly so many bytes; raises _NotYet until they are there."""
        end = self._taken + bufsize
        while len(self._buffer) < end:
            self.fill()
            end = self._taken + bufsize
        data = bytes(memoryview(self._buffer)[self._taken : end])
        self._taken = end
        return data

    def cut(self) -> Received | None:
        """The messages of the usual kind that stand whole at the front of the buffer; None inside of a frame."""
        if self.header is not None:
            return None
        data = bytes(memoryview(self._buffer)[self._taken :])
        first = data[0] if data else 0
        opcode = _USUAL.get(first)
        if opcode is None:
            return None
        payloads: list[bytes] = []
        at, end = 0, len(data)
        while end - at >= 2 and data[at] == first:
            size = data[at + 1]
            begin = at + 2
            if size == _TWO_MORE_BYTES:
                begin = at + _LONGEST_USUAL_HEAD
                if begin > end:
                    break
                size = data[at + 2] << 8 | data[at + 3]
            elif size > _TWO_MORE_BYTES:
                break
            if begin + size > end:
                break
            at = begin + size
            payloads.append(data[begin:at])
        self._taken += at
        return Received(opcode, payloads) if payloads else None

    @property
    def begins_unusual(self) -> bool:
        """Whether what comes next must go through the library."""
        head = self._buffer[self._taken : self._taken + 2]
        return self.header is not None or (
            len(head) == 2 and (head[0] not in _USUAL or head[1] > _TWO_MORE_BYTES)
        )

    def fill(self) -> None:
        """Read what is there. Raises _NotYet where that is nothing, and whatever ends the connection."""
        if self._ending is not None:
            raise self._ending
        if self._taken:
            del self._buffer[: self._taken]
            self._taken = 0
        piece = self._read()
        self._buffer += piece
        self.drained = len(piece) < self._piece_bytes and not self._many_records
        while self._many_records and len(self._buffer) < PIECE_BYTES:
            try:
                self._buffer += self._read()
            except _NotYet:
                self.drained = True
                return
            except (OSError, WebSocketException) as error:
                self._ending = error  # what came before it comes out first
                return

    def _read(self) -> bytes:
        if self._websocket.sock is None:
            raise WebSocketConnectionClosedException("socket is closed")
        try:
            piece = self._websocket.sock.recv(self._piece_bytes)
        except (BlockingIOError, ssl.SSLWantReadError) as error:
            raise _NotYet from error
        if not piece:
            raise WebSocketConnectionClosedException("end of stream")
        return piece

    def recv_length(self) -> None:
        """Read the length and refuse it before any payload is read."""
        super().recv_length()
        if self.length is not None and self.length > self._max_frame_bytes:
            raise _TooLarge(f"a frame of {self.length} bytes was announced")


class _BoundedFragments(continuous_frame):
    """Joins fragments up to a bound of bytes and of count."""

    def __init__(self, max_message_bytes: int) -> None:
        super().__init__(fire_cont_frame=False, skip_utf8_validation=True)
        self._max_message_bytes = max_message_bytes
        self._fragments = 0

    def add(self, frame: ABNF) -> None:
        """Take one more fragment."""
        self._fragments = 0 if frame.fin else self._fragments + 1
        super().add(frame)
        joined = len(self.cont_data[1]) if self.cont_data else 0
        if joined > self._max_message_bytes or self._fragments > MAX_FRAGMENTS:
            raise _TooLarge(f"a message of {joined} bytes in {self._fragments} fragments")


class Connection:
    """An open connection. `receive` never waits: poll `fileno()`, then call it until it gives None."""

    def __init__(self, url: str, *, handshake_timeout_s: float, max_frame_bytes: int) -> None:
        """Connect and shake hands, blocking. Raises ExchangeError with what the host did instead."""
        websocket = WebSocket(enable_multithread=False, skip_utf8_validation=True)
        try:
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
        websocket.sock.settimeout(0)
        websocket.frame_buffer = self._pieces = _PieceBuffer(websocket, max_frame_bytes)
        websocket.cont_frame = self._fragments = _BoundedFragments(max_frame_bytes)
        self._websocket = websocket
        headers = websocket.getheaders() or {}
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
            except _NotYet:
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
        while not (self._fragments.recving_frames or self._pieces.begins_unusual):
            if received := self._pieces.cut():
                return received
            if self._pieces.drained:
                self._pieces.drained = False
                return None
            try:
                self._pieces.fill()
            except _NotYet:
                return None
            except _ENDINGS as error:
                raise _ended_by(error) from error
        return self.receive()

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
    if isinstance(error, _TooLarge):
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
