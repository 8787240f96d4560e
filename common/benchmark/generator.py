"""The generator: a process that sends a prepared load over one websocket connection, at the rate it is told.

It does as little as it can while it sends: frames are made before, and go out in pieces of many. Over TLS each
message gets a record of its own, as from the exchange. Orders come in on standard input, one JSON line each, and
one line answers each: Sent.
"""

import base64
import hashlib
import re
import socket
import ssl
import sys
import threading
import time
from argparse import ArgumentParser
from itertools import accumulate, pairwise
from pathlib import Path

import msgspec

from common.benchmark.frames import CLOSE, frame, read_load
from common.core.exchange_told import EXCHANGE_HEADER
from common.polymarket.websocket.tls import TlsSocket

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PIECE_FRAMES = 128
TICK_S = 0.002
SILENCE_S = 60.0  # the other side took nothing for so long: it is gone


class Order(msgspec.Struct, frozen=True):
    """Send for so many seconds: `rate` messages a second, as many as are taken with rate 0."""

    rate: float
    seconds: float


class Ready(msgspec.Struct, frozen=True):
    """The first line that the generator says: it listens here."""

    port: int


class Sent(msgspec.Struct, frozen=True):
    """What came of an order, or of the opening. `late` messages were due in time, but not taken."""

    messages: int
    late: int
    began_monotonic_ns: int
    ended_monotonic_ns: int


class Sender:
    """One connection after its handshake."""

    def __init__(self, connection: socket.socket, load: Path) -> None:
        prepared = read_load(load)
        framed = [frame(payload) for payload in prepared.circle]
        self._opening = frame(prepared.opening)
        self._connection = connection
        self._blob = memoryview(b"".join(framed))
        self._ends = [0, *accumulate(map(len, framed))]
        self._at = 0

    def open(self) -> Sent:
        """Wait for the subscription, send the opening books, and listen to the client from now on."""
        if not self._connection.recv(65_536):
            raise ConnectionError("the client left before it subscribed")
        began = time.monotonic_ns()
        self._connection.sendall(self._opening)
        threading.Thread(target=self._listen, daemon=True).start()
        return Sent(1, 0, began, time.monotonic_ns())

    def _listen(self) -> None:
        """Take what the client says, so that it never waits; nothing of it needs an answer, or to be decrypted."""
        try:
            while socket.socket.recv(self._connection, 65_536):
                pass
        except OSError:
            return

    def obey(self, order: Order) -> Sent:
        """Send as ordered."""
        began = time.monotonic()
        began_ns, sent, due = time.monotonic_ns(), 0, 0
        while (elapsed := time.monotonic() - began) < order.seconds:
            due = int(order.rate * elapsed) if order.rate else sent + PIECE_FRAMES
            if due == sent:
                time.sleep(TICK_S)
            else:
                sent += self._send(min(due - sent, PIECE_FRAMES))
        return Sent(sent, max(due - sent, 0), began_ns, time.monotonic_ns())

    def _send(self, count: int) -> int:
        count = min(count, len(self._ends) - 1 - self._at)
        ends = self._ends[self._at : self._at + count + 1]
        if isinstance(self._connection, TlsSocket):
            self._connection.send_records(self._blob[begin:end] for begin, end in pairwise(ends))
        else:
            self._connection.sendall(self._blob[ends[0] : ends[-1]])
        self._at = (self._at + count) % (len(self._ends) - 1)
        return count

    def close(self) -> None:
        """Say goodbye, and that nothing more comes."""
        self._connection.sendall(frame((1000).to_bytes(2, "big"), CLOSE))
        if not isinstance(self._connection, TlsSocket):
            self._connection.shutdown(socket.SHUT_WR)


def shake_hands(connection: socket.socket) -> None:
    """The server's side of RFC 6455, 4.2."""
    request = b""
    while b"\r\n\r\n" not in request:
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionError("the client left during the handshake")
        request += piece
    key = re.search(rb"sec-websocket-key:\s*(\S+)", request, re.IGNORECASE)
    if key is None:
        raise ConnectionError("no websocket handshake")
    digest = base64.b64encode(hashlib.sha1(key[1] + GUID, usedforsecurity=False).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b: simulated\r\n\r\n" % (digest, EXCHANGE_HEADER.encode())
    )


def _say(value: msgspec.Struct) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve one connection until standard input ends."""
    parser = ArgumentParser(description="Started by the benchmark, not by hand.")
    parser.add_argument("--load", type=Path, required=True)
    parser.add_argument("--certificate", help="PEM file with key and certificate: serve TLS")
    given = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _say(Ready(listener.getsockname()[1]))
        connection, _ = listener.accept()
    connection.settimeout(SILENCE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if given.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given.certificate)
        connection = TlsSocket(connection, context)
    shake_hands(connection)
    sender = Sender(connection, given.load)
    _say(sender.open())
    for line in sys.stdin:
        _say(sender.obey(msgspec.json.decode(line, type=Order)))
    sender.close()
    time.sleep(TICK_S)


if __name__ == "__main__":
    main()
