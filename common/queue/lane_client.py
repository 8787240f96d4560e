"""The writer's end of the queue: one lane of one producer."""

import logging
import secrets

import msgspec
import zmq

from common.core.batch import Batch, decode_batches
from common.core.envelope import Context
from common.queue.protocol import (
    CONTEXTS_KEPT,
    Ack,
    ContextFrame,
    Data,
    Hello,
    Missing,
    Retired,
    Taken,
    decode_from_producer,
    encode,
)
from common.queue.sockets import has_input, open_socket
from common.socket_ends import LANE_CLIENT

TELL_BYTES = 1024 * 1024  # after so much the producer hears that it arrived: a part of its window
SILENCE_NS = 2_000_000_000  # after so long without data, hello again: a hello or a chunk may have been lost

log = logging.getLogger(__name__)


class LaneClient:
    """A DEALER that claims a lane, hands out its envelopes in order, each once, and sends acks."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        *,
        endpoint: str,
        producer: str,
        lane: int,
        durable: int,
        now_monotonic_ns: int,
        number: int = 0,
        at_ns: int = 0,
    ) -> None:
        """Connect and say hello. `durable` is the highest sequence that is in an archive already.

        `number` and `at_ns` are the highest message number and the newest receive time there, 0 where not known.
        """
        self.producer = producer
        self.contexts: dict[int, Context] = {}  # those that came last
        self._missing_through: int | None = None
        self._number, self._at_ns = number, at_ns
        self._in_vain = 0
        self.retired = False
        self._lane = lane
        self._next = durable + 1
        self._acked = durable
        self._untold_bytes = 0
        self._heard_monotonic_ns = now_monotonic_ns
        self.socket = open_socket(context, LANE_CLIENT)
        self.socket.setsockopt(zmq.ROUTING_ID, secrets.token_bytes(8))
        self.socket.connect(endpoint)
        self._hello()

    def _hello(self) -> None:
        """Claim the lane from the first sequence that is not durable: a hello is an ack of all before it."""
        self._send(Hello(self.producer, self._lane, self._acked + 1, self._number, self._at_ns))

    def _hello_in_vain(self, first: int) -> None:
        """Something between was lost on the way; if it happens again and again the log says so."""
        self._in_vain += 1
        if self._in_vain & (self._in_vain - 1) == 0 and self._in_vain > 1:
            shown = {"producer": self.producer, "lane": self._lane, "expected": self._next, "came": first}
            log.error("lane does not go on", extra={**shown, "hellos": self._in_vain})
        self._hello()

    def _send(self, message: Hello | Ack | Taken) -> None:
        try:
            self.socket.send(encode(message), zmq.NOBLOCK)
        except zmq.Again:
            log.warning("queue send refused", extra={"producer": self.producer})

    def receive(self, now_monotonic_ns: int) -> list[Batch] | None:
        """The envelopes of one chunk, none taken before; None when nothing is there."""
        if not has_input(self.socket):
            if now_monotonic_ns - self._heard_monotonic_ns > SILENCE_NS:
                self._heard_monotonic_ns = now_monotonic_ns
                self._hello()
            return None
        frames = self.socket.recv_multipart(zmq.NOBLOCK)
        self._heard_monotonic_ns = now_monotonic_ns
        message = decode_from_producer(frames[0])
        self.retired = isinstance(message, Retired)
        if isinstance(message, Retired):
            return []
        if isinstance(message, Missing):
            if message.first <= self._next <= message.last:
                self._missing_through = self._acked = message.last
                self._next = message.last + 1
            return []
        if isinstance(message, ContextFrame):
            context = msgspec.json.decode(message.context_json, type=Context)
            self.contexts.pop(context.number, None)
            self.contexts[context.number] = context
            if len(self.contexts) > CONTEXTS_KEPT:
                del self.contexts[next(iter(self.contexts))]
            return []
        return self._take(message, frames[1])

    def _take(self, header: Data, body: bytes) -> list[Batch]:
        if header.first > self._next:
            self._hello_in_vain(header.first)
            return []
        self._in_vain = 0
        fresh: list[Batch] = []
        for batch in decode_batches(body):
            known = self._next - batch.lane_sequence
            if known <= 0:
                fresh.append(batch)
            elif known < len(batch.payloads):
                fresh.append(batch.since(known))
        self._next = max(self._next, header.last + 1)
        self._untold_bytes += len(body)
        if self._untold_bytes >= TELL_BYTES:
            self._untold_bytes = 0
            self._send(Taken(self._lane, self._next - 1))
        return fresh

    def take_missing(self) -> int | None:
        """Up to where the producer no longer holds what is in no archive, once after it said so."""
        through, self._missing_through = self._missing_through, None
        return through

    def ack(self, durable: int) -> None:
        """Promise that everything up to and including `durable` is in an archive, synced."""
        if durable > self._acked:
            self._acked = durable
            self._send(Ack(self._lane, durable))

    def close(self) -> None:
        """Disconnect at once; what was promised may get lost, the next hello says it again."""
        self.socket.close()
