"""From a URL to an open websocket: stream, TLS and the upgrade (RFC 6455, 4), all within one deadline.

websocket-client's own handshake is not used: its time-out starts over with each byte, it reads headers and error
bodies without an end, gives cookies back, and keeps no answer's Retry-After.
"""

import hashlib
import os
import socket
import ssl
import time
from base64 import b64encode
from contextlib import ExitStack
from urllib.parse import urlsplit

import msgspec

from common.core.http_words import http_words, retry_after_s
from common.network.deadline import Deadline
from common.network.errors import DialError
from common.network.http_head import Head, HeadError, read_head, read_some
from common.network.race import Resolve, shown
from common.network.stream import open_stream
from common.network.trust import client_context, tls_words
from common.polymarket.user_agent import user_agent
from common.polymarket.websocket.tls import TlsSocket

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_SWITCHING_PROTOCOLS = 101
_TOO_MANY_REQUESTS = 429
_REFUSAL_BYTES = 4096
_REFUSAL_PATIENCE_S = 0.5


class Opened(msgspec.Struct, frozen=True):
    """A websocket's socket behind the upgrade, the answer's headers by lower-case name, and the first bytes."""

    sock: socket.socket
    headers: dict[str, str]
    behind: bytes


class _Target(msgspec.Struct, frozen=True):
    scheme: str
    host: str
    port: int
    resource: str


def open_websocket(url: str, *, timeout_s: float, ca_file: str, resolve: Resolve) -> Opened:
    """Raises DialError with what the host, or a proxy, did instead; nothing is left open then."""
    target = _target(url)
    context = client_context(ca_file) if target.scheme == "wss" else None
    deadline = Deadline(timeout_s)
    sock = open_stream(target.scheme, target.host, target.port, deadline, resolve=resolve)
    try:
        return _shake_hands(sock, target, context, deadline)
    except ssl.SSLError as error:
        raise DialError(tls_words(error, target.host, ca_file, time.time_ns())) from error
    except TimeoutError as error:
        raise DialError(f"did not answer the handshake in {deadline.seconds:g} s") from error
    except HeadError as error:
        raise DialError(str(error)) from error
    except OSError as error:
        why = error.strerror or error
        raise DialError(f"broke the connection during the handshake ({why})") from error


def _shake_hands(
    sock: socket.socket, target: _Target, context: ssl.SSLContext | None, deadline: Deadline
) -> Opened:
    with ExitStack() as on_failure:
        on_failure.callback(sock.close)
        if context is not None:
            sock = TlsSocket(sock, context, target.host, deadline=deadline)
            on_failure.callback(sock.close)
        head = _upgrade(sock, target, deadline)
        sock.settimeout(0)
        on_failure.pop_all()
        return Opened(sock, head.headers, head.behind)


def _target(url: str) -> _Target:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise DialError(f"is not a URL ({error})") from error
    if not host or parts.scheme not in {"ws", "wss"}:
        raise DialError("is not a websocket URL")
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(parts.scheme, host, port or (443 if parts.scheme == "wss" else 80), resource)


def _upgrade(sock: socket.socket, target: _Target, deadline: Deadline) -> Head:
    key = b64encode(os.urandom(16))
    deadline.bound(sock)
    sock.sendall(_request(target, key))
    head = read_head(sock, deadline)
    if head.status != _SWITCHING_PROTOCOLS:
        body = read_some(sock, head, deadline, limit=_REFUSAL_BYTES, patience_s=_REFUSAL_PATIENCE_S)
        raise DialError(
            f"refused the handshake with {http_words(head.status, head.headers, body)}",
            retry_after_s=retry_after_s(head.status, head.headers),
            too_many=head.status == _TOO_MANY_REQUESTS,
        )
    accepted = b64encode(hashlib.sha1(key + _GUID).digest()).decode()  # noqa: S324 - RFC 6455 wants it
    if (
        "websocket" not in head.headers.get("upgrade", "").lower()
        or "upgrade" not in head.headers.get("connection", "").lower()
        or head.headers.get("sec-websocket-accept", "") != accepted
    ):
        raise HeadError("answered the handshake, but not as a websocket does: check the URL")
    return head


def _request(target: _Target, key: bytes) -> bytes:
    usual = target.port == (443 if target.scheme == "wss" else 80)
    host = shown(target.host, target.port).rpartition(":")[0] if usual else shown(target.host, target.port)
    lines = [
        f"GET {target.resource} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
        f"User-Agent: {user_agent()}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()
