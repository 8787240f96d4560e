"""Names to addresses, within a deadline: the system's own call knows none, and cannot be interrupted."""

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from common.network.deadline import Deadline
from common.network.errors import DialError

THREAD_NAME = "resolver"


class Address(NamedTuple):
    """Where to connect to: the socket's family, and the address in that family's form."""

    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


LookUp = Callable[[str, int], list[Address]]


def look_up(host: str, port: int, flags: int = 0) -> list[Address]:
    """Ask the system, in its order of preference, for as long as that takes. Raises OSError or UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=flags)
    return [Address(family, sockaddr) for family, _, _, _, sockaddr in found]  # type: ignore[arg-type]


def _literal(host: str, port: int) -> list[Address]:
    """The address that is written as such; none where the host is a name. Asks nobody."""
    try:
        return look_up(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []


class Resolver:
    """Looks up one name at a time in a thread, so that at most one thread hangs, however often it is asked."""

    def __init__(self, look_up: LookUp = look_up) -> None:
        self._look_up = look_up
        self._lock = threading.Lock()
        self._running: tuple[tuple[str, int], Future[list[Address]]] | None = None

    def addresses(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """At least one. Raises DialError where there is none, or none came in time.

        A thread that asks for another name while a lookup hangs waits for that one. An address is its own answer.
        """
        if literal := _literal(host, port):
            return literal
        while True:
            wanted, future = self._begin((host, port))
            try:
                found = future.result(timeout=deadline.left_s())
            except TimeoutError as error:
                raise DialError(_too_late(host, wanted[0], deadline.seconds)) from error
            except (OSError, UnicodeError) as error:
                if wanted != (host, port):
                    continue
                raise DialError(_unknown(host, error)) from error
            if wanted == (host, port):
                if not found:
                    raise DialError(_unknown(host, None))
                return found

    def _begin(self, wanted: tuple[str, int]) -> tuple[tuple[str, int], Future[list[Address]]]:
        """The lookup under way, or a new one."""
        with self._lock:
            if self._running is None or self._running[1].done():
                future: Future[list[Address]] = Future()
                self._running = (wanted, future)
                threading.Thread(
                    target=self._run, args=(wanted, future), name=THREAD_NAME, daemon=True
                ).start()
            return self._running

    def _run(self, wanted: tuple[str, int], future: Future[list[Address]]) -> None:
        try:
            future.set_result(self._look_up(*wanted))
        except BaseException as error:  # noqa: BLE001 - handed over whole to the waiting thread
            future.set_exception(error)


def _too_late(host: str, hanging: str, seconds: float) -> str:
    name = host if host == hanging else f"{hanging}, which is looked up before {host},"
    return f"{name} could not be resolved to an address in {seconds:g} s: the name server does not answer"


def _unknown(host: str, error: Exception | None) -> str:
    why = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return f"{host} could not be resolved to an address{why}: check the name and the network"


def in_turn(addresses: Sequence[Address], *, backwards: bool) -> list[Address]:
    """In an order that is the same each time, or the opposite of it; the families stay as the system prefers them."""
    families = list(dict.fromkeys(address.family for address in addresses))
    by_family = [[each for each in addresses if each.family == family] for family in families]
    return [each for part in by_family for each in sorted(part, reverse=backwards)]


RESOLVER = Resolver()
