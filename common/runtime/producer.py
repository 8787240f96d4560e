"""What every producer's process has: an outbox in the run's folder, and the server of its lanes."""

import secrets
from typing import Any

import zmq

from common.core.instants import compact_utc_text
from common.queue.lane_server import LaneServer
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity
from common.queue.settled import Settled
from common.queue.tap import Tap
from common.runtime.orders import OrdersFollower
from common.runtime.process import Runtime
from common.topology import SPOOL_BYTES

SEND_NS = 25_000_000  # what came meanwhile crosses the queue together; commits are a hundred times rarer


class Producer:
    """An outbox with its lanes served. Its owner appends, calls `serve` often, and waits with `wait`."""

    def __init__(self, runtime: Runtime, stream: str) -> None:
        now_ns = runtime.clock.wall_ns()
        self._orders = OrdersFollower(runtime.run_dir)
        self._writers = self._orders.current(runtime.clock.monotonic_ns()).writers
        fresh = f"{runtime.name}-{compact_utc_text(now_ns)}-{secrets.token_hex(3)}"
        self.outbox = Outbox(
            runtime.run_dir / "producers" / runtime.name,
            Identity(fresh, stream),
            lanes=self._writers,
            limit_bytes=SPOOL_BYTES,
        )
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._server = LaneServer(self._context, self.outbox)
        self._tap = Tap(self._context, self.outbox)
        self._settled = Settled(self.outbox)
        self._polled: int | None = None
        self._poller = self._poller_with(None)
        self._next_send_ns = 0
        self._sent_through = 0

    @property
    def name(self) -> str:
        """The producer as it stands in rows and archive names."""
        return self.outbox.identity.producer

    def serve(self, now_monotonic_ns: int) -> None:
        """Follow the number of writers, take acks, send what the windows allow, let tails have their copy."""
        writers = self._orders.current(now_monotonic_ns).writers
        if writers != self._writers:
            self._writers = writers
            self.outbox.set_lanes(writers)
        self._tap.attend(now_monotonic_ns)
        sending = now_monotonic_ns >= self._next_send_ns
        self._server.serve(sending=sending)
        if sending:
            self._next_send_ns = now_monotonic_ns + SEND_NS
            self._sent_through = self.outbox.appended

    def wait(self, timeout_s: float, fileno: int | None = None) -> bool:
        """Until a writer said something (true then), `fileno` is readable, or it is time to serve."""
        if fileno != self._polled:
            self._poller, self._polled = self._poller_with(fileno), fileno
        if self.outbox.appended != self._sent_through:
            timeout_s = min(timeout_s, SEND_NS / 1e9)
        return any(socket is self._server.socket for socket, _ in self._poller.poll(int(timeout_s * 1000)))

    def _poller_with(self, fileno: int | None) -> zmq.Poller:
        poller = zmq.Poller()
        poller.register(self._server.socket, zmq.POLLIN)
        if fileno is not None:
            poller.register(fileno, zmq.POLLIN)
        return poller

    @property
    def drained(self) -> bool:
        """Whether everything is durable in archives."""
        return self.outbox.backlog == 0 and not self.outbox.undeclared

    def details(self, told_until_ns: int) -> dict[str, Any]:
        """The outbox as the run manifest shows it; its owner has told everything up to `told_until_ns`."""
        return {
            "producer": self.name,
            "settled_until_ns": self._settled.look(told_until_ns),
            "spool_bytes": self.outbox.held_bytes,
            "lanes": {str(index): lane.backlog for index, lane in self.outbox.lanes.items()},
            "lanes_owned": self._server.owned_lanes,
        }

    def close(self, *, finished: bool) -> None:
        """Unbind and release. A finished producer that is drained leaves nothing behind."""
        self._tap.close()
        self._server.close()
        self._context.term()
        self.outbox.close(finished=finished)
