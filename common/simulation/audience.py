"""The open connections of the embedded exchange, whatever is played to them: what each gets, and which must end."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable
from typing import Any

from common.errors import ConfigError
from common.simulation.connection import Connection, Outgoing, outgoing
from common.simulation.faults.active import Faults
from common.simulation.faults.catalogue import Fault
from common.simulation.options import SimulationOptions

IMPOSSIBLE = "what is played here cannot have it"

log = logging.getLogger("simulated_exchange")


class Audience(ABC):
    """The market data side of the exchange: registry, routing, and the timer that plays."""

    closing_words = "exchange stopped"  # of the close frame that connections get at the end
    cannot: frozenset[str] = frozenset()  # faults that what is played does not have

    def __init__(self, options: SimulationOptions, faults: Faults) -> None:
        self.connections: dict[int, Connection] = {}
        self.frames_made = 0
        self._options = options
        self._faults = faults
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, connection: Connection) -> None:
        """A connection that is open now."""
        self.connections[connection.number] = connection

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self.connections.pop(connection.number, None)
        self.route()

    @abstractmethod
    def route(self) -> None:
        """Work out again who gets what, after a subscription changed."""

    @abstractmethod
    def open_books(self, connection: Connection, token_ids: Iterable[str]) -> None:
        """Queue the opening array of these tokens."""

    @abstractmethod
    async def run(self) -> None:
        """Play until cancelled, or until nothing is left to play."""

    def act_on_books(self, connection: Connection, fault: Fault) -> None:
        """Once a `drop_change` or a `stranger`. Raises ConfigError where they are among `cannot`."""
        raise ConfigError(f"fault {fault.name} on connection {connection.number}: {IMPOSSIBLE}")

    def put(self, connection: Connection, payload: bytes, *, opcode: int = 1) -> None:
        """Queue one frame for one connection and hand it over."""
        if not connection.silent:
            self.queue(connection, self.frame(payload, opcode=opcode))
            connection.flush()

    def queue(self, connection: Connection, frame: Outgoing) -> None:
        """Queue a frame that is ready, late where a fault delays it."""
        fault = self._faults and self._faults.take("delay", time.monotonic(), connection=connection.number)
        connection.delay_s = fault.delay_seconds if fault else 0.0
        connection.put(frame)

    def frame(self, payload: bytes, *, opcode: int = 1) -> Outgoing:
        """A frame for the wire, with its oracle line when one is kept."""
        return outgoing(payload, opcode=opcode, logged=bool(self._options.oracle))

    def end_the_slow(self) -> None:
        """Hand over what waits, and end the connections that do not take it."""
        for connection in list(self.connections.values()):
            if connection.flush() > self._options.send_buffer_bytes:
                log.info("slow consumer ended", extra={"connection": connection.number})
                self.background(
                    connection.close(1013, "slow consumer: send buffer full", how="slow consumer")
                )

    def cut_the_idle(self, now_s: float) -> None:
        """Cut connections without any traffic, as the exchange does."""
        for connection in list(self.connections.values()):
            connection.flush_log()
            if now_s - connection.last_traffic_s >= self._options.idle_cut_seconds:
                connection.cut("idle")

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a closing handshake beside the timer."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
