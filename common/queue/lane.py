"""One lane of an outbox: envelopes with dense sequences, in segment files, until their ack."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from common.core.batch import Batch, whole_batches
from common.core.envelope import MESSAGE, Envelope
from common.queue.numbers import NumberFile
from common.queue.segment import LaneFullError, Segment

CHUNK_BYTES = 64 * 1024  # what crosses the queue at once; a larger batch goes alone
SEGMENT_BYTES = 8 * 1024 * 1024
KEPT_SEGMENT_BYTES = 1024 * 1024  # an emptied lane goes on in a segment up to this size, not in a new one


class Chunk(msgspec.Struct):
    """A run of envelopes with contiguous lane sequences that crosses the queue as one piece.

    `context` is the one context that its messages need, 0 when it holds none; `since_ns` is the receive time of its
    oldest envelope by the monotonic clock. Grows until it is `sealed`.
    """

    first: int
    last: int
    segment: Segment
    offset: int
    length: int
    context: int
    since_ns: int
    sealed: bool = False


class Mark(msgspec.Struct, frozen=True):
    """A place between two batches of a lane's segment files."""

    segment: Segment
    offset: int


class Lane:
    """The part of an outbox that one writer drains: append at one end, forget by ack at the other.

    A lane found on disk goes on: what its last owner appended is still there, and its sequences continue.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._numbers = NumberFile(folder / "numbers", 2)  # last sequence given, last sequence acked
        self.last_sequence = self._numbers[0]  # of the newest envelope, 0 before the first
        self._segments: deque[Segment] = deque()
        self.chunks: deque[Chunk] = deque()
        self.newest_message: Envelope | None = None  # of those found on disk
        self.held_bytes = 0
        self.before_removal: Callable[[], None] | None = None  # the last chance to read what goes
        for path in sorted(folder.glob("*.segment")):
            self._recover(Segment(path))

    def _recover(self, segment: Segment) -> None:
        end = 0
        data = segment.read(0, segment.size)
        for batch, next_end in whole_batches(data):
            self._note(segment, batch, end, next_end)
            if batch.kind == MESSAGE:
                self.newest_message = batch.envelope(-1)
            self._give(max(self.last_sequence, batch.last_lane_sequence))
            end = next_end
        if end < segment.size:
            os.ftruncate(segment.descriptor, end)
            segment.size = end
        self._segments.append(segment)
        self.held_bytes += segment.size
        self.forget_through(self._numbers[1])

    def _give(self, sequence: int) -> None:
        self.last_sequence = self._numbers[0] = sequence

    @property
    def acked(self) -> int:
        """The highest sequence that is durable in an archive, as far as this lane was told."""
        return self._numbers[1]

    @property
    def backlog(self) -> int:
        """Envelopes without an ack."""
        return self.last_sequence - self.acked

    @property
    def waiting_since_ns(self) -> int | None:
        """When the oldest envelope without an ack was received, by the monotonic clock; None if there is none."""
        return self.chunks[0].since_ns if self.chunks else None

    def append(self, batch: Batch, data: bytes) -> None:
        """Keep a batch whose `lane_sequence` is `last_sequence + 1`: all of it or, LaneFullError, nothing.

        `data` is the batch, encoded.
        """
        segment = self._writable_segment(batch.lane_sequence)
        offset = segment.append(data)
        self._give(batch.last_lane_sequence)
        self.held_bytes += len(data)
        self._note(segment, batch, offset, offset + len(data))

    def _writable_segment(self, sequence: int) -> Segment:
        if not self._segments or self._segments[-1].size >= SEGMENT_BYTES:
            try:
                self._segments.append(Segment(self._folder / f"{sequence:020d}.segment"))
            except OSError as error:
                raise LaneFullError(str(error)) from error
        return self._segments[-1]

    def _note(self, segment: Segment, batch: Batch, begin: int, end: int) -> None:
        chunk = self.chunks[-1] if self.chunks else None
        context, last = batch.context, batch.last_lane_sequence
        if (
            chunk is None
            or chunk.sealed
            or chunk.segment is not segment
            or chunk.length + end - begin > CHUNK_BYTES
            or (context and chunk.context not in {0, context})
        ):
            if chunk is not None:
                chunk.sealed = True
            since_ns = batch.received_monotonic_ns
            self.chunks.append(
                Chunk(batch.lane_sequence, last, segment, begin, end - begin, context, since_ns)
            )
            return
        chunk.last = last
        chunk.length += end - begin
        chunk.context = chunk.context or context

    def forget_through(self, sequence: int) -> None:
        """Take an ack: everything up to and including this sequence is durable in an archive."""
        if sequence > self.acked:
            self._numbers[1] = sequence
        while self.chunks and self.chunks[0].last <= sequence:
            self.chunks.popleft()
        needed = self.chunks[0].segment if self.chunks else None
        while self._segments and self._segments[0] is not needed:
            if needed is None and len(self._segments) == 1 and self._segments[0].size < KEPT_SEGMENT_BYTES:
                break
            if self.before_removal is not None:
                self.before_removal()
            segment = self._segments.popleft()
            self.held_bytes -= segment.size
            segment.remove()

    def rewind(self, sequence: int, usable: Callable[[int], bool]) -> int:
        """Offer again what follows this sequence, for an archive that has no more; gives the first that is offered.

        Acknowledged envelopes are held for as long as their segment file and their context, which is then `usable`.
        """
        known, self.chunks = self.chunks, deque[Chunk]()
        if self._segments:
            segment, at = self._segments[0], 0
            for batch, end in whole_batches(segment.read(0, known[0].offset if known else segment.size)):
                if batch.last_lane_sequence > sequence:
                    self._note(segment, batch, at, end)
                at = end
        if self.chunks:
            self.chunks[-1].sealed = True
        self.chunks.extend(known)
        while self.chunks and self.chunks[0].context and not usable(self.chunks[0].context):
            self.chunks.popleft()
        first = self.chunks[0].first if self.chunks else self.last_sequence + 1
        self._numbers[1] = max(sequence, first - 1)
        return self.acked + 1

    def offered(self) -> Iterator[Batch]:
        """The batches without an ack, in order."""
        for chunk in self.chunks:
            for batch, _ in whole_batches(chunk.segment.read(chunk.offset, chunk.length)):
                yield batch

    def keep(self) -> bool:
        """Whether any file was gone, and is there again. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = [self._numbers.keep(), *(segment.keep() for segment in self._segments)]
        return any(kept)

    def end(self) -> Mark | None:
        """The place behind the newest envelope; None before the first."""
        return Mark(self._segments[-1], self._segments[-1].size) if self._segments else None

    def appended_since(self, mark: Mark | None, limit_bytes: int) -> bytes:
        """The whole batches behind a mark, as far as they are still held; none if they exceed the limit.

        None stands for the oldest that is held.
        """
        pieces: list[bytes] = []
        room = limit_bytes
        for segment in reversed(self._segments):
            begin = mark.offset if mark is not None and segment is mark.segment else 0
            room -= segment.size - begin
            if room < 0:
                return b""
            pieces.append(segment.read(begin, segment.size - begin))
            if mark is not None and segment is mark.segment:
                break
        return b"".join(reversed(pieces))

    def close(self) -> None:
        """Release the descriptors; the files stay."""
        for segment in self._segments:
            os.close(segment.descriptor)
        self._segments.clear()
        self._numbers.close()
