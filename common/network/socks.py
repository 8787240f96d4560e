"""The client's side of SOCKS version 5 (RFC 1928), with user and password (RFC 1929)."""

import ipaddress
import socket
import struct

from common.network.deadline import Deadline

_VERSION = 5
_NO_AUTHENTICATION, _PASSWORD, _NONE_ACCEPTABLE = 0, 2, 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "the connection took too long",
    7: "command not supported",
    8: "address type not supported",
}


class SocksError(Exception):
    """The proxy did not connect us; the text is the rest of a sentence that begins with the proxy."""


def connect_through(
    sock: socket.socket, host: str, port: int, deadline: Deadline, *, user: str, password: str
) -> None:
    """Make of a socket to the proxy one to the host. Raises SocksError, TimeoutError, other kinds of OSError."""
    methods = bytes([_NO_AUTHENTICATION, _PASSWORD] if user else [_NO_AUTHENTICATION])
    _send(sock, bytes([_VERSION, len(methods)]) + methods, deadline)
    version, method = _exactly(sock, 2, deadline)
    if version != _VERSION:
        raise SocksError("does not speak SOCKS 5")
    if method == _PASSWORD and user:
        _log_in(sock, user, password, deadline)
    elif method == _NONE_ACCEPTABLE:
        raise SocksError("does not accept user and password" if user else "wants a user name and a password")
    elif method != _NO_AUTHENTICATION:
        raise SocksError("does not speak SOCKS 5")
    _send(sock, bytes([_VERSION, _CONNECT, 0]) + _address(host) + struct.pack("!H", port), deadline)
    _, reply, _, kind = _exactly(sock, 4, deadline)
    if reply:
        raise SocksError(f"did not connect to {host}:{port} ({_REPLIES.get(reply, f'reply {reply}')})")
    sizes = {_IPV4: 4, _IPV6: 16}
    size = sizes.get(kind) or _exactly(sock, 1, deadline)[0]
    _exactly(sock, size + 2, deadline)  # where it is bound: of no use to us


def _log_in(sock: socket.socket, user: str, password: str, deadline: Deadline) -> None:
    name, secret = user.encode()[:255], password.encode()[:255]
    _send(sock, bytes([1, len(name)]) + name + bytes([len(secret)]) + secret, deadline)
    if _exactly(sock, 2, deadline)[1]:
        raise SocksError("does not accept user and password")


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            name = host.encode("idna")
        except UnicodeError as error:
            raise SocksError(f"cannot be asked for a name such as {host}") from error
        return bytes([_NAME, len(name)]) + name
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed


def _send(sock: socket.socket, data: bytes, deadline: Deadline) -> None:
    deadline.bound(sock)
    sock.sendall(data)


def _exactly(sock: socket.socket, size: int, deadline: Deadline) -> bytes:
    data = b""
    while len(data) < size:
        deadline.bound(sock)
        piece = sock.recv(size - len(data))
        if not piece:
            raise SocksError("closed the connection")
        data += piece
    return data
