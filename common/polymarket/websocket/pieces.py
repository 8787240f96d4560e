"""From the socket to messages in large pieces, in place of websocket-client's own reading of single frames.

`PieceBuffer` reads what is there, never waiting. Whole messages of the usual kind, in one frame and below 64 KiB, are
cut out of that at once; all else (fragments, control frames, large or strange frames) the library cuts out of it.
"""

import msgspec
from websocket import (
    ABNF,
    WebSocket,
    WebSocketConnectionClosedException,
    WebSocketException,
    WebSocketProtocolException,
)
from websocket._abnf import continuous_frame, frame_buffer

from common.polymarket.websocket.tls import PIECE_BYTES, TlsSocket

MAX_FRAGMENTS = 10_000
_USUAL = {0x81: 1, 0x82: 2}  # the first byte of a whole text or binary message, no extension, to its opcode
_TWO_MORE_BYTES = 126  # as a length: it is in the next two bytes (RFC 6455, 5.2); 127 and masks lie above
_LONGEST_USUAL_HEAD = 4
_FIRST_CONTROL_OPCODE = 8
_MAX_CONTROL_BYTES = 125  # RFC 6455, 5.5


class Received(msgspec.Struct, frozen=True, gc=False):
    """Messages that arrived together, fragments joined, all with this opcode (RFC 6455's).

    None of them: so many control frames came that the caller should attend to other things before it reads on.
    """

    opcode: int
    payloads: list[bytes]


class NotYet(Exception):
    """The next bytes have not arrived; the library resumes where it was."""


class TooLarge(WebSocketException):
    """A frame or message above the bound."""


class PieceBuffer(frame_buffer):
    """Feeds the library's frame parser from a buffer that is filled in large non-blocking reads."""

    def __init__(self, websocket: WebSocket, max_frame_bytes: int, first: bytes = b"") -> None:
        """`first` has been read already."""
        super().__init__(websocket._recv, skip_utf8_validation=True)  # noqa: SLF001 - the library's own seam
        self._websocket = websocket
        self._max_frame_bytes = max_frame_bytes
        self._buffer: bytes | bytearray = first
        self._taken = 0
        self.drained = False  # the last read took all that was there

    def recv_strict(self, bufsize: int) -> bytes:
        """Exactly so many bytes; raises NotYet until they are there."""
        end = self._taken + bufsize
        while len(self._buffer) < end:
            self.fill()
            end = self._taken + bufsize
        data = bytes(memoryview(self._buffer)[self._taken : end])
        self._taken = end
        return data

    def cut(self) -> Received | None:
        """The messages of the usual kind that stand whole at the front of the buffer; None inside of a frame.

        The buffer must not be `empty`.
        """
        if self.header is not None:
            return None
        data, at = bytes(self._buffer), self._taken  # no copy where it is a piece just as it was read
        first = data[at]
        opcode = _USUAL.get(first)
        if opcode is None:
            return None
        payloads: list[bytes] = []
        end = len(data)
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
        self._taken = at
        return Received(opcode, payloads) if payloads else None

    @property
    def empty(self) -> bool:
        """Whether all that was read has been taken."""
        return self._taken == len(self._buffer)

    @property
    def untaken_bytes(self) -> int:
        """How much of what was read has not been taken."""
        return len(self._buffer) - self._taken

    @property
    def begins_unusual(self) -> bool:
        """Whether what comes next must go through the library."""
        head = self._buffer[self._taken : self._taken + 2]
        return self.header is not None or (
            len(head) == 2 and (head[0] not in _USUAL or head[1] > _TWO_MORE_BYTES)
        )

    def fill(self) -> None:
        """Read what is there. Raises NotYet where that is nothing, and whatever ends the connection."""
        piece = self._read()
        rest = len(self._buffer) - self._taken
        if rest > PIECE_BYTES:  # a large message is under way: do not copy all of it for each piece
            if not isinstance(self._buffer, bytearray):
                self._buffer = bytearray(self._buffer)
            del self._buffer[: self._taken]
            self._buffer += piece
        else:
            self._buffer = bytes(self._buffer[self._taken :]) + piece if rest else piece
        self._taken = 0

    def _read(self) -> bytes:
        sock = self._websocket.sock
        if sock is None:
            raise WebSocketConnectionClosedException("socket is closed")
        try:
            if isinstance(sock, TlsSocket):
                piece, more = sock.recv_piece()
            else:
                piece = sock.recv(PIECE_BYTES)
                more = len(piece) == PIECE_BYTES
        except BlockingIOError as error:
            raise NotYet from error
        if not piece:
            raise WebSocketConnectionClosedException("end of stream")
        self.drained = not more
        return piece

    def recv_length(self) -> None:
        """Read the length and refuse it before any payload is read."""
        super().recv_length()
        final, *_, opcode, _, _ = self.header or (1, 0, 0, 0, 0, 0, 0)
        if opcode >= _FIRST_CONTROL_OPCODE and (not final or (self.length or 0) > _MAX_CONTROL_BYTES):
            raise WebSocketProtocolException(f"a control frame of {self.length} bytes, or in fragments")
        if self.length is not None and self.length > self._max_frame_bytes:
            raise TooLarge(f"a frame of {self.length} bytes was announced")


class BoundedFragments(continuous_frame):
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
            raise TooLarge(f"a message of {joined} bytes in {self._fragments} fragments")
