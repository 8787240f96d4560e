"""The looking-on end of the queue: follows the taps of all producers of a run, and knows what it missed."""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import zmq

from common.core.batch import EncodingError, decode_envelopes
from common.core.envelope import Context, Envelope
from common.core.rows.names import STREAMS
from common.core.rows.origin import Origin
from common.queue.outbox_files import Identity
from common.queue.protocol import CONTEXTS_KEPT
from common.queue.sockets import has_input, open_socket
from common.queue.tap import SOCKET_NAME, CopyHeader, decode_header
from common.socket_ends import TAIL, SocketEnd


class Tailed(msgspec.Struct, frozen=True):
    """One envelope as it passed. `name` is its producer's process; `context` is None for complete rows."""

    name: str
    origin: Origin
    stream: str
    envelope: Envelope
    context: Context | None


class _Source:
    """A producer that was found: the contexts seen so far, and where each lane goes on."""

    def __init__(self, name: str, folder: Path, identity: Identity) -> None:
        self.name = name
        self.folder = folder
        self.origin = identity.origin
        self.contexts: dict[int, Context] = {}
        self.next_sequence: dict[int, int] = {}

    def look(self) -> None:
        """Keep the newest contexts: the outbox forgets them before a slow reader needs them."""
        held = {int(path.stem.removeprefix("context-")): path for path in self.folder.glob("context-*.json")}
        newest = sorted(held.keys() | self.contexts.keys())[-CONTEXTS_KEPT:]
        self.contexts = {number: self.contexts[number] for number in newest if number in self.contexts}
        for number in newest:
            if number not in self.contexts:
                try:
                    self.contexts[number] = msgspec.json.decode(held[number].read_bytes(), type=Context)
                except (FileNotFoundError, msgspec.DecodeError):
                    continue  # forgotten just now, or not yet whole: the next look finds it


class QueueTail:
    """Subscribes to every producer in a run's folder, also to those that come later."""

    def __init__(
        self,
        run_dir: Path,
        *,
        end: SocketEnd = TAIL,
        besides: str = "",
        streams: Collection[str] = STREAMS,
    ) -> None:
        """Nothing is connected before the first `look`. `end` states how many copies of each producer may wait here.

        `besides`: the process whose rows are not followed, for it is the observer. Producers of other `streams` are
        not followed either.
        """
        self._run_dir, self._besides, self._streams = run_dir, besides, streams
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = open_socket(self._context, end)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._sources: dict[str, _Source] = {}
        self._connected: set[str] = set()
        self._missed: Counter[str] = Counter()

    def look(self) -> None:
        """Connect to producers that are new, and keep the newest contexts. Call a few times a second."""
        for path in sorted((self._run_dir / "producers").glob("*/identity.json")):
            folder = path.parent
            if folder.name == self._besides:
                continue
            try:
                identity = msgspec.json.decode(path.read_bytes(), type=Identity)
            except FileNotFoundError:
                continue  # it finished just now
            if identity.stream not in self._streams:
                continue
            if identity.producer not in self._sources:
                self._sources[identity.producer] = _Source(folder.name, folder, identity)
            if folder.name not in self._connected:
                self._connected.add(folder.name)
                self._socket.connect(f"ipc://{folder / SOCKET_NAME}")
            self._sources[identity.producer].look()

    def receive(self, timeout_s: float) -> list[Tailed]:
        """The envelopes of one copy, in the order of receipt; empty when none came in time."""
        if not self._socket.poll(int(timeout_s * 1000), zmq.POLLIN):
            return []
        frames = self._socket.recv_multipart()
        header = decode_header(frames[0])
        if header.producer not in self._sources:
            self.look()
        source = self._sources.get(header.producer)
        if source is None:
            return []  # it finished before we ever saw its folder
        passed = list(self._unpack(source, header, frames[1:]))
        return sorted(passed, key=lambda tailed: tailed.envelope.received_monotonic_ns)

    def _unpack(self, source: _Source, header: CopyHeader, frames: list[bytes]) -> Iterator[Tailed]:
        for lane, data in zip(header.lanes, frames, strict=True):
            try:
                envelopes = list(decode_envelopes(data))
            except EncodingError:
                continue  # its sequences show up as missed
            for envelope in envelopes:
                sequence = envelope.lane_sequence
                if sequence < source.next_sequence.get(lane, sequence):
                    continue  # it came before: a producer that was started again tells all that it holds
                self._missed[source.name] += sequence - source.next_sequence.get(lane, sequence)
                source.next_sequence[lane] = sequence + 1
                context = self._context_of(source, envelope)
                if envelope.context and context is None:
                    self._missed[source.name] += 1
                    continue
                yield Tailed(source.name, source.origin, header.stream, envelope, context)

    def _context_of(self, source: _Source, envelope: Envelope) -> Context | None:
        if envelope.context and envelope.context not in source.contexts:
            source.look()
        return source.contexts.get(envelope.context)

    def turn_away(self) -> None:
        """Drop what waits, and have nothing sent any more until `turn_back`."""
        self._socket.setsockopt(zmq.UNSUBSCRIBE, b"")
        while has_input(self._socket):
            self._socket.recv_multipart()

    def turn_back(self) -> None:
        """Follow again; what passed in between was missed."""
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")

    def take_missed(self) -> dict[str, int]:
        """Envelopes that passed unseen since the last call, by producer's process; none means no entry."""
        missed = {name: count for name, count in self._missed.items() if count}
        self._missed.clear()
        return missed

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()
        self._context.term()
