"""A websocket server made of a listening socket and RFC 6455 by hand: it says exactly what a test wants said."""

import base64
import contextlib
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(payload: bytes, *, opcode: int = TEXT, fin: bool = True) -> bytes:
    """One unmasked frame as a server sends it."""
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65_536:
        return head + b"\x7e" + struct.pack("!H", len(payload)) + payload
    return head + b"\x7f" + struct.pack("!Q", len(payload)) + payload


class Peer:
    """The server's side of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.connection.settimeout(20)
        self.request = b""

    def read_request(self) -> None:
        while b"\r\n\r\n" not in self.request:
            piece = self.connection.recv(4096)
            if not piece:
                raise ConnectionError("the client left during the handshake")
            self.request += piece

    def accept(self, extra_headers: bytes = b"", *, behind: bytes = b"") -> None:
        """Answer the handshake, with the first frames `behind` it in the same write."""
        if not self.request:
            self.read_request()
        key = self.request.lower().split(b"sec-websocket-key:")[1].split(b"\r\n")[0].strip()
        start = self.request.lower().index(key)
        digest = hashlib.sha1(self.request[start : start + len(key)] + GUID).digest()
        self.connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n" + extra_headers + b"\r\n" + behind
        )

    def send(self, *payloads: bytes) -> None:
        """Each payload as a text frame."""
        self.connection.sendall(b"".join(frame(payload) for payload in payloads))

    def send_raw(self, data: bytes) -> None:
        self.connection.sendall(data)

    def close(self, code: int, reason: str = "") -> None:
        self.send_raw(frame(struct.pack("!H", code) + reason.encode(), opcode=CLOSE))

    def read_frame(self) -> tuple[int, bytes]:
        """The next frame of the client, unmasked."""
        first, second = self._exactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._exactly(8))
        mask = self._exactly(4)
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(self._exactly(length)))
        return first & 0x0F, payload

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.connection.recv(count - len(data))
            if not piece:
                raise ConnectionError("the client left")
            data += piece
        return data

    def stay_until_the_client_leaves(self) -> None:
        """Answer PING texts and a close; return when the client closed the connection."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == CLOSE:
                self.send_raw(frame(payload, opcode=CLOSE))
                return
            if payload == b"PING":
                self.send(b"PONG")

    def cut(self) -> None:
        """End the connection without a close frame, by a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class WebsocketServer:
    """Listens on loopback; every connection runs the script in a thread of its own."""

    def __init__(self, script: Callable[[Peer], None], *, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{self.port}/ws/market"
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        acceptor = threading.Thread(target=self._accept)
        acceptor.start()
        self._threads.append(acceptor)
        return self

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,))
                thread.start()
                self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ConnectionError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection:
                self._script(Peer(connection))

    def let_go(self) -> None:
        """End all connections that are open, and wait for their scripts."""
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._open.clear()
        acceptor, *others = self._threads
        for thread in others:
            thread.join(timeout=20)
        self._threads = [acceptor]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(timeout=20)
