"""A lossy copy of what enters an outbox, for observers; it never slows the pipeline.

Nothing happens when an envelope is appended. A few times a second the tap looks whether anybody has subscribed, and if
so publishes what the segment files gained since its last look, the very first time all that they still hold: an
auditor that joins a moment late hears the opening books. What is deleted between two looks is copied before it goes.
Who cannot keep up misses whole copies, and sees it by the gaps in the lanes' sequences.

A copy is one ZeroMQ message: a header, then the encoded batches of each lane that gained some.
"""

from functools import partial

import msgspec
import zmq

from common.queue.lane import Mark
from common.queue.outbox import Outbox
from common.queue.sockets import bind_again, has_input, open_socket
from common.socket_ends import TAP
from common.topology import COPY_LIMIT_BYTES

SOCKET_NAME = "tail.sock"
INTERVAL_NS = 100_000_000
_SUBSCRIPTIONS_A_LOOK = 64


class CopyHeader(msgspec.Struct, frozen=True):
    """Whose envelopes follow, and of which lane each of the following frames is."""

    producer: str
    stream: str
    lanes: list[int]


_encode = msgspec.msgpack.Encoder().encode
decode_header = msgspec.msgpack.Decoder(CopyHeader).decode


class Tap:
    """The publishing end of one outbox."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], outbox: Outbox) -> None:
        """Bind in the outbox's folder, beside the queue's own socket."""
        self._outbox = outbox
        self._next_look_ns = 0
        self._subscriptions = 0
        self._was_watched = False
        self._marks: dict[int, Mark | None] = {}
        self._gained: dict[int, bytes] = {}
        self._socket = open_socket(context, TAP)
        self._path = outbox.folder / SOCKET_NAME
        self._socket.bind(f"ipc://{self._path}")

    def attend(self, now_monotonic_ns: int) -> None:
        """Call often: most calls do nothing. Never blocks."""
        if now_monotonic_ns < self._next_look_ns:
            return
        self._next_look_ns = now_monotonic_ns + INTERVAL_NS
        watched = self._subscriptions > 0
        self._take_subscriptions()
        if not self._subscriptions:
            self._gained.clear()
            return
        for index, lane in self._outbox.lanes.items():
            if not watched and self._was_watched:
                self._marks[index] = lane.end()
            lane.before_removal = partial(self._gather, index)
        self._was_watched = True
        self._publish()

    def _take_subscriptions(self) -> None:
        for _ in range(_SUBSCRIPTIONS_A_LOOK):
            if not has_input(self._socket):
                return
            said = self._socket.recv(zmq.NOBLOCK)
            if said[:1] == b"\x01":
                self._subscriptions += 1
            elif said[:1] == b"\x00":
                self._subscriptions -= 1

    def _publish(self) -> None:
        for index in self._outbox.lanes:
            self._gather(index)
        gained, self._gained = self._gained, {}
        if gained:
            identity = self._outbox.identity
            header = CopyHeader(identity.producer, identity.stream, list(gained))
            self._socket.send_multipart([_encode(header), *gained.values()], zmq.NOBLOCK)

    def _gather(self, index: int) -> None:
        """Copy what a lane gained, as far as the limit lets us; called before a segment goes, too."""
        if not self._subscriptions:
            return
        lane = self._outbox.lanes[index]
        before = self._gained.get(index, b"")
        data = lane.appended_since(self._marks.get(index), COPY_LIMIT_BYTES - len(before))
        self._marks[index] = lane.end()
        if data:
            self._gained[index] = before + data

    def keep(self) -> None:
        """Bind again where the socket's file is gone."""
        bind_again(self._socket, self._path)

    def close(self) -> None:
        """Publish the last envelopes and unbind."""
        if self._subscriptions:
            self._publish()
        self._socket.close()
