"""A socket connected to a host by whichever of its addresses answers first (RFC 8305, "happy eyeballs")."""

import errno
import os
import selectors
import socket
import time
from collections.abc import Callable, Sequence

from common.network.deadline import Deadline
from common.network.errors import DialError
from common.network.resolver import RESOLVER, Address

STAGGER_S = 0.25  # before the next address is tried beside those that have not answered (RFC 8305, 8)
MAX_ADDRESSES = 12
_UNACKED_MS = 30_000  # what was sent and is not acknowledged for so long ends the connection
_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKED_MS),
)

Resolve = Callable[[str, int, Deadline], Sequence[Address]]


def open_socket(
    host: str, port: int, deadline: Deadline, *, resolve: Resolve = RESOLVER.addresses
) -> socket.socket:
    """Connected, blocking without a time-out. Raises DialError naming the host and what its addresses did."""
    race = _Race(interleaved(resolve(host, port, deadline))[:MAX_ADDRESSES])
    try:
        sock = race.run(deadline)
    except TimeoutError as error:
        tried = f" (tried {race.tried})" if race.tried else ""
        raise DialError(f"{shown(host, port)} did not answer within {deadline.seconds:g} s{tried}") from error
    finally:
        race.close()
    if sock is None:
        raise DialError(_refused(shown(host, port), race.failures))
    sock.settimeout(None)
    return sock


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """The families in turn, beginning with the first one's: a broken family then costs one stagger."""
    queues = [
        [address for address in addresses if address.family == family]
        for family in dict.fromkeys(address.family for address in addresses)
    ]
    ordered: list[Address] = []
    while any(queues):
        ordered += [queue.pop(0) for queue in queues if queue]
    return ordered


def shown(host: str, port: int) -> str:
    """Host and port as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Race:
    """Starts an address each `STAGGER_S`, or when the one before has failed; the first connected one wins."""

    def __init__(self, addresses: list[Address]) -> None:
        self._waiting = addresses
        self._selector = selectors.PollSelector()
        self._next_at = 0.0
        self._names: list[str] = []
        self.failures: dict[str, int] = {}

    @property
    def tried(self) -> str:
        """The addresses that were tried, for messages."""
        return ", ".join(self._names)

    def run(self, deadline: Deadline) -> socket.socket | None:
        """The winner, None where all failed. Raises TimeoutError."""
        while self._waiting or self._selector.get_map():
            now = time.monotonic()
            if self._waiting and (now >= self._next_at or not self._selector.get_map()):
                self._start(self._waiting.pop(0))
                self._next_at = now + STAGGER_S
                continue
            left_s = deadline.left_s()
            until_next_s = self._next_at - now if self._waiting else left_s
            for key, _ in self._selector.select(min(left_s, until_next_s)):
                assert isinstance(key.fileobj, socket.socket)
                if self._finish(key.fileobj, key.data):
                    return key.fileobj
        return None

    def _start(self, address: Address) -> None:
        name = address.sockaddr[0]
        self._names.append(name)
        try:
            sock = socket.socket(address.family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        except OSError as error:
            self.failures[name] = error.errno or errno.EAFNOSUPPORT
            return
        try:
            for option in _OPTIONS:
                sock.setsockopt(*option)
            sock.setblocking(False)  # noqa: FBT003 - the name of the standard library's own argument
            number = sock.connect_ex(address.sockaddr)
        except OSError as error:
            number = error.errno or errno.EINVAL
        if number in {0, errno.EINPROGRESS}:
            self._selector.register(sock, selectors.EVENT_WRITE, name)
        else:
            self._lose(sock, name, number)

    def _finish(self, sock: socket.socket, name: str) -> bool:
        """Whether it is connected; it is no longer waited for."""
        self._selector.unregister(sock)
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._lose(sock, name, number)
        return not number

    def _lose(self, sock: socket.socket, name: str, number: int) -> None:
        sock.close()
        self.failures[name] = number
        self._next_at = 0.0

    def close(self) -> None:
        """Let go of those that have not answered."""
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()


def _refused(where: str, failures: dict[str, int]) -> str:
    if all(number == errno.ECONNREFUSED for number in failures.values()):
        return f"{where} refused the connection: check the port, and whether a firewall refuses it"
    each = ", ".join(f"{name}: {os.strerror(number)}" for name, number in failures.items())
    return f"{where} cannot be reached ({each}): check the network"
