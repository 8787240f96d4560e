"""Places on loopback that answer, refuse, or swallow what is sent to them."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.network.deadline import Deadline
from common.network.race import Resolve
from common.network.resolver import Address


def address_of(sock: socket.socket) -> Address:
    return Address(sock.family, sock.getsockname())


@contextmanager
def live(host: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A port that accepts."""
    with socket.create_server((host, 0)) as listener:
        yield listener


@contextmanager
def refusing(host: str = "127.0.0.1") -> Iterator[Address]:
    """A port that nobody listens on, and that nobody else is given meanwhile."""
    with socket.socket() as taken:
        taken.bind((host, 0))
        yield address_of(taken)


@contextmanager
def black_hole(host: str = "127.0.0.1") -> Iterator[Address]:
    """A port whose queue is full: what asks to connect is never answered, as behind a firewall that drops."""
    with contextlib.ExitStack() as held, socket.socket() as listener:
        listener.bind((host, 0))
        listener.listen(0)
        for _ in range(4):
            filler = held.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        yield address_of(listener)


def resolving(*addresses: Address) -> Resolve:
    """A resolver that knows these addresses for every name."""

    def resolve(_host: str, _port: int, _deadline: Deadline) -> list[Address]:
        return list(addresses)

    return resolve


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
