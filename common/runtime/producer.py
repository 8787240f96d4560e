"""What every producer's process has: an outbox in the run's folder, and the server of its lanes."""

import logging
import secrets
import select

import zmq

from common.core.instants import NS_PER_SECOND, compact_utc_text, utc_text
from common.core.rows.names import WS_RAW
from common.core.rows.origin import Leg
from common.queue.lane_server import LaneServer
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity, take_outage_of_superseded
from common.queue.settled import Settled
from common.queue.tap import Tap
from common.runtime.process import Runtime
from common.runtime.run.details import OutboxShown
from common.runtime.run.orders import OrdersFollower
from common.runtime.supervision.unended_run import outage_before
from common.topology import SPOOL_BYTES

ONLY_LEG: Leg = "a"  # of a run with one
KEEP_NS = 1_000_000_000  # between two looks whether the outbox's files are still there
SEND_NS = 100_000_000  # what fills no chunk meanwhile crosses the queue all the same; commits are rarer

log = logging.getLogger(__name__)


class Producer:
    """An outbox with its lanes served. Its owner appends, calls `serve` often, and waits with `wait`."""

    def __init__(self, runtime: Runtime, stream: str, *, is_reader: bool = False) -> None:
        """`is_reader`: without an outbox it looks in the archives for an outage before its life, which it declares."""
        now_ns = runtime.clock.wall_ns()
        self._runtime = runtime
        self._began_ns = runtime.clock.monotonic_ns()
        self._orders = OrdersFollower(runtime.run_dir)
        self._writers = self._orders.current(runtime.clock.monotonic_ns()).writers
        fresh = f"{runtime.name}-{compact_utc_text(now_ns)}-{secrets.token_hex(3)}"
        folder = runtime.run_dir / "producers" / runtime.name
        outage = take_outage_of_superseded(folder)
        if is_reader and outage is None and not folder.exists():
            outage = outage_before(runtime)
        self.outbox = Outbox(
            folder,
            Identity(
                fresh,
                stream,
                runtime.assignment.exchange,
                runtime.assignment.data_root_id,
                leg=(runtime.leg or ONLY_LEG) if stream == WS_RAW and is_reader else None,
                host=runtime.assignment.host,
            ),
            lanes=self._writers,
            limit_bytes=SPOOL_BYTES,
        )
        if outage is not None:
            shown = {"cause": outage.cause, "since_utc": utc_text(outage.since_ns)}
            log.warning("a new outbox is begun after an outage", extra=shown)
            self.outbox.files.note_outage(outage.since_ns, outage.cause)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._server = LaneServer(self._context, self.outbox)
        self._tap = Tap(self._context, self.outbox)
        self._settled = Settled(self.outbox)
        self._queue_fileno = self._server.fileno()
        self._poll = select.poll()  # one system call; ZeroMQ's own poller takes several
        self._poll.register(self._queue_fileno, select.POLLIN)
        self._watched: int | None = None
        self._next_send_ns = 0
        self._next_keep_ns = 0
        self._lanes_refused = False

    @property
    def name(self) -> str:
        """The producer as it is in rows and archive names."""
        return self.outbox.identity.producer

    def serve(self, now_monotonic_ns: int) -> None:
        """Follow the number of writers, take acks, send what the windows allow, let tails have their copy."""
        self._follow_writers(self._orders.current(now_monotonic_ns).writers)
        if now_monotonic_ns >= self._next_keep_ns:
            self._next_keep_ns = now_monotonic_ns + KEEP_NS
            self._keep_files()
        self._tap.attend(now_monotonic_ns)
        all_of_it = now_monotonic_ns >= self._next_send_ns
        self._server.serve(all_of_it=all_of_it)
        if all_of_it:
            self._next_send_ns = now_monotonic_ns + SEND_NS

    def _follow_writers(self, writers: int) -> None:
        if writers == self._writers:
            return
        try:
            self.outbox.set_lanes(writers)
        except OSError as error:
            if not self._lanes_refused:
                log.warning("no room for another lane, trying again", extra={"reason": str(error)})
            self._lanes_refused = True
            return
        self._writers, self._lanes_refused = writers, False

    def _keep_files(self) -> None:
        """Somebody may remove the folder under us, as logind does at a logout: what was in it is written again."""
        try:
            restored = self.outbox.keep()
            self._server.keep()
            self._tap.keep()
        except (OSError, zmq.ZMQError) as error:
            words = f"{self.outbox.folder}: files of the outbox cannot be written ({error}); make room there"
            self._runtime.problems.state("spool_not_kept", {self._runtime.name: words})
            return
        self._runtime.problems.state("spool_not_kept", {})
        if restored:
            self._runtime.tally.add("spool_restorations_total")
            words = "files of the outbox were removed by somebody: they are written again, nothing is lost"
            log.error(words, extra={"folder": str(self.outbox.folder)})

    def watch(self, fileno: int | None) -> None:
        """What `wait` waits for as well, in place of what it was; None for nothing."""
        if self._watched is not None:
            self._poll.unregister(self._watched)
        if fileno is not None:
            self._poll.register(fileno, select.POLLIN)
        self._watched = fileno

    def wait(self, timeout_s: float) -> bool:
        """Until a writer said something (true then), what is watched is readable, or the time is over.

        What a writer says while we send can pass unnoticed here; the next `serve` takes it.
        """
        ready = self._poll.poll(timeout_s * 1000)
        return (bool(ready) and ready[0][0] == self._queue_fileno) or len(ready) > 1

    @property
    def drained(self) -> bool:
        """Whether everything is durable in archives."""
        return self.outbox.backlog == 0 and not self.outbox.undeclared

    def shown(self, told_until_ns: int) -> OutboxShown:
        """The outbox as the run manifest shows it; its owner has told everything up to `told_until_ns`."""
        owned, lanes = self._server.owned_lanes, self.outbox.lanes
        return OutboxShown(
            producer=self.name,
            settled_until_ns=self._settled.look(told_until_ns),
            spool_bytes=self.outbox.held_bytes,
            lanes={index: lane.backlog for index, lane in lanes.items()},
            lanes_owned=len(owned),
            lanes_without_writer=tuple(sorted(lanes.keys() - owned)),
            oldest_seconds={index: self._waits_s(lane.waiting_since_ns) for index, lane in lanes.items()},
        )

    def _waits_s(self, since_ns: int | None) -> float:
        """How long something waits. What an earlier boot of the machine received counts from our start on."""
        if since_ns is None:
            return 0.0
        now = self._runtime.clock.monotonic_ns()
        return round((now - (since_ns if since_ns <= now else self._began_ns)) / NS_PER_SECOND, 3)

    def close(self, *, finished: bool) -> None:
        """Unbind and release. A finished producer that is drained leaves nothing behind."""
        self._tap.close()
        self._server.close()
        self._context.term()
        self.outbox.close(finished=finished)
