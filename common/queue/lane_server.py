"""The producer's end of the queue: serves the lanes of an outbox to whichever writers own them."""

import logging
from collections import deque
from itertools import islice

import msgspec
import zmq

from common.queue.lane import Chunk
from common.queue.outbox import Outbox
from common.queue.protocol import (
    CONTEXTS_KEPT,
    PROTOCOL_VERSION,
    Ack,
    ContextFrame,
    Data,
    Hello,
    Missing,
    Retired,
    decode_from_writer,
    encode,
)
from common.queue.sockets import bind_again, has_input, open_socket
from common.socket_ends import LANE_SERVER

WINDOW_BYTES = 8 * 1024 * 1024  # on their way to one writer; keeps ZeroMQ's own buffers small

log = logging.getLogger(__name__)


class _Owner:
    """A writer that said hello: what was sent to it and is not durable, and how much of that has not arrived."""

    def __init__(self, address: bytes, missing: Missing | None) -> None:
        self.address = address
        self.missing = missing  # to be told before anything else, once a gap row declares it
        self.sent: deque[int] = deque()  # last sequence of each chunk without an ack
        self._in_flight: deque[tuple[int, int]] = (
            deque()
        )  # last sequence and bytes of each that has not arrived
        self.in_flight_bytes = 0
        self.contexts_sent: deque[int] = deque(maxlen=CONTEXTS_KEPT)  # that the writer still knows
        self.told_retired = False

    def note_sent(self, chunk: Chunk) -> None:
        self.sent.append(chunk.last)
        self._in_flight.append((chunk.last, chunk.length))
        self.in_flight_bytes += chunk.length

    def note_taken(self, through: int) -> None:
        while self._in_flight and self._in_flight[0][0] <= through:
            self.in_flight_bytes -= self._in_flight.popleft()[1]

    def note_durable(self, durable: int) -> None:
        self.note_taken(durable)
        while self.sent and self.sent[0] <= durable:
            self.sent.popleft()


class LaneServer:
    """A ROUTER that sends what the outbox holds and takes acks. Nothing here ever blocks."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], outbox: Outbox) -> None:
        self._outbox = outbox
        self._owners: dict[int, _Owner] = {}
        self.socket = open_socket(context, LANE_SERVER)
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        # A writer that took this paused process for dead connects again, maybe before we saw its old connection end.
        self.socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self._path = outbox.folder / "queue.sock"
        self.socket.bind(f"ipc://{self._path}")

    def fileno(self) -> int:
        """For polling: readable when there may be something to take."""
        return int(self.socket.getsockopt(zmq.FD))

    @property
    def owned_lanes(self) -> frozenset[int]:
        """Lanes that a writer drains right now."""
        return frozenset(self._owners)

    def serve(self, *, all_of_it: bool = True) -> None:
        """Take what the writers said, then send what their windows allow: all of it, or whole chunks only."""
        while has_input(self.socket) and self._take_one():
            pass
        for index in list(self._owners):
            self._send(index, all_of_it=all_of_it)
        self._outbox.forget_contexts()

    def _take_one(self) -> bool:
        try:
            address, body = self.socket.recv_multipart(zmq.NOBLOCK)
            message = decode_from_writer(body)
        except zmq.Again:
            return False
        except (ValueError, msgspec.DecodeError) as error:
            log.warning("unreadable queue message dropped", extra={"reason": str(error)})
            return True
        if message.lane not in self._outbox.lanes:
            log.warning("message for an unknown lane dropped", extra={"lane": message.lane})
        elif isinstance(message, Hello):
            self._welcome(address, message)
        elif (owner := self._owners.get(message.lane)) is None or owner.address != address:
            pass  # fenced: somebody else owns the lane now
        elif isinstance(message, Ack):
            owner.note_durable(message.durable)
            self._outbox.lanes[message.lane].forget_through(message.durable)
        else:
            owner.note_taken(message.through)
        return True

    def _welcome(self, address: bytes, hello: Hello) -> None:
        if hello.producer != self._outbox.identity.producer:
            return  # meant for the outbox that was here before; the writer looks again
        if hello.version > PROTOCOL_VERSION:
            words = (
                "a writer of a newer version is not served: start the whole recorder again with that version"
            )
            log.error(words, extra={"lane": hello.lane, "version": hello.version, "known": PROTOCOL_VERSION})
            return
        lost = self._outbox.agreement.agree(
            hello.lane, hello.next - 1, number=hello.number, at_ns=hello.at_ns
        )
        missing = Missing(lost.first, lost.last) if lost is not None else None
        self._owners[hello.lane] = _Owner(address, missing)

    def _send(self, index: int, *, all_of_it: bool) -> None:
        owner = self._owners[index]
        if owner.missing is not None:
            if self._outbox.agreement.lost or not self._try_send(
                index, [owner.address, encode(owner.missing)]
            ):
                return
            owner.missing = None
        if self._outbox.is_retired(index) and not owner.told_retired:
            owner.told_retired = self._try_send(index, [owner.address, encode(Retired())])
        if owner.in_flight_bytes >= WINDOW_BYTES:
            return
        # Acks take chunks off both queues alike, so what was sent is the head of the lane's chunks.
        for chunk in islice(self._outbox.lanes[index].chunks, len(owner.sent), None):
            if owner.in_flight_bytes >= WINDOW_BYTES or not (all_of_it or chunk.sealed):
                return
            if not self._send_chunk(index, owner, chunk):
                return
            owner.note_sent(chunk)

    def _send_chunk(self, index: int, owner: _Owner, chunk: Chunk) -> bool:
        chunk.sealed = True
        if chunk.context and chunk.context not in owner.contexts_sent:
            context = msgspec.json.encode(self._outbox.files.context(chunk.context))
            if not self._try_send(index, [owner.address, encode(ContextFrame(context))]):
                return False
            owner.contexts_sent.append(chunk.context)
        data = chunk.segment.read(chunk.offset, chunk.length)
        return self._try_send(index, [owner.address, encode(Data(chunk.first, chunk.last)), data])

    def _try_send(self, index: int, frames: list[bytes]) -> bool:
        try:
            self.socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            del self._owners[index]  # it is gone; its successor says hello
            return False
        return True

    def keep(self) -> None:
        """Bind again where the socket's file is gone; connections that stand go on."""
        bind_again(self.socket, self._path)

    def close(self) -> None:
        """Unbind. The outbox keeps what has no ack."""
        self.socket.close()
