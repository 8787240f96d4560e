"""Proxies as scripts for a listening socket: they lead every name to one port of loopback, or misbehave."""

import contextlib
import socket
import struct
import threading
from base64 import b64encode
from collections.abc import Callable

from tests.doubles.websocket_server import Peer, WebsocketServer

Script = Callable[[Peer], None]


class ProxyServer(WebsocketServer):
    """What it was asked to connect to is in `asked`."""

    def __init__(self, make: "Callable[[ProxyServer], Script]") -> None:
        self.asked: list[str] = []
        super().__init__(make(self))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


def tunnels(port: int, *, user: str = "") -> Callable[[ProxyServer], Script]:
    """CONNECT leads to this port; with `user`, as in name:password, only with that."""

    def make(server: ProxyServer) -> Script:
        def script(peer: Peer) -> None:
            peer.read_request()
            line = peer.request.split(b"\r\n")[0].decode()
            server.asked.append(line)
            wanted = b"Proxy-Authorization: Basic " + b64encode(user.encode())
            if user and wanted not in peer.request:
                peer.send_raw(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            elif line.startswith("CONNECT"):
                peer.send_raw(b"HTTP/1.1 200 Connection established\r\n\r\n")
                pump(peer, port)
            else:
                pump(peer, port, first=peer.request)

        return script

    return make


def answers(raw: bytes) -> Callable[[ProxyServer], Script]:
    """The same to every request."""

    def make(server: ProxyServer) -> Script:
        def script(peer: Peer) -> None:
            peer.read_request()
            server.asked.append(peer.request.split(b"\r\n")[0].decode())
            peer.send_raw(raw)

        return script

    return make


def says_nothing(_server: ProxyServer) -> Script:
    def script(peer: Peer) -> None:
        while peer.connection.recv(4096):
            pass

    return script


def socks(port: int, *, user: str = "", reply: int = 0) -> Callable[[ProxyServer], Script]:
    """SOCKS 5 to this port; with `user`, as in name:password, only with that."""

    def make(server: ProxyServer) -> Script:
        def script(peer: Peer) -> None:
            sock = peer.connection
            count = _read(sock, 2)[1]
            methods = _read(sock, count)
            if user and 2 not in methods:
                sock.sendall(b"\x05\xff")
                return
            sock.sendall(b"\x05\x02" if user else b"\x05\x00")
            if user and not _let_in(sock, user):
                return
            server.asked.append(_socks_target(sock))
            sock.sendall(bytes([5, reply, 0, 1]) + bytes(6))
            if not reply:
                pump(peer, port)

        return script

    return make


def _read(sock: socket.socket, size: int) -> bytes:
    data = sock.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        raise ConnectionError("the client left")
    return data


def _let_in(sock: socket.socket, user: str) -> bool:
    _read(sock, 1)
    name = _read(sock, _read(sock, 1)[0])
    password = _read(sock, _read(sock, 1)[0])
    right = f"{name.decode()}:{password.decode()}" == user
    sock.sendall(b"\x01\x00" if right else b"\x01\x01")
    return right


def _socks_target(sock: socket.socket) -> str:
    kind = _read(sock, 4)[3]
    if kind == 3:
        host = _read(sock, _read(sock, 1)[0]).decode()
    else:
        family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, _read(sock, size))
    (port,) = struct.unpack("!H", _read(sock, 2))
    return f"{host}:{port}"


def pump(peer: Peer, port: int, *, first: bytes = b"") -> None:
    """Carry bytes both ways until both sides have ended."""
    with socket.create_connection(("127.0.0.1", port)) as beyond:
        beyond.sendall(first)
        back = threading.Thread(target=_carry, args=(beyond, peer.connection))
        back.start()
        _carry(peer.connection, beyond)
        back.join(20)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
