"""websocket-client's protocol over a socket of ours; its answers to control frames never wait."""

import contextlib
import select
import socket

from websocket import ABNF, STATUS_NORMAL, WebSocket, WebSocketException

from common.polymarket.websocket.pieces import BoundedFragments, PieceBuffer


class Protocol(WebSocket):
    """An open websocket. What it answers by itself, a pong or a close, is left out where the socket has no room.

    Else a flood of pings that nobody reads the answers of would end, or hold up, a connection that still brings data.
    """

    def __init__(self, sock: socket.socket, *, max_frame_bytes: int, behind: bytes) -> None:
        """Take over a socket behind the upgrade. `behind` are the bytes that were read with the upgrade's answer."""
        super().__init__(enable_multithread=False, skip_utf8_validation=True)
        self.sock = sock
        self.connected = True
        self.frame_buffer = self.pieces = PieceBuffer(self, max_frame_bytes, behind)
        self.cont_frame = self.fragments = BoundedFragments(max_frame_bytes)

    def pong(self, payload: str | bytes = b"") -> None:
        """Answer a ping."""
        self._answer(payload, ABNF.OPCODE_PONG)

    def send_close(self, status: int = STATUS_NORMAL, reason: str | bytes = b"") -> None:
        """Answer a close: the other side has said why, and what happens to our answer changes nothing of that."""
        text = reason if isinstance(reason, bytes) else reason.encode()
        self._answer(status.to_bytes(2, "big") + text, ABNF.OPCODE_CLOSE)

    def _answer(self, payload: str | bytes, opcode: int) -> None:
        """A writable socket has room for many times the size of a control frame: it is sent whole or not at all."""
        with contextlib.suppress(OSError, WebSocketException):  # what broke shows when we read on
            if self.sock is not None and _writable(self.sock):
                self.send(payload, opcode)


def _writable(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return bool(poll.poll(0))
