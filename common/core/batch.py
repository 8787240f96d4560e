"""Envelopes that were received together, as one record: the way they are kept, cross the queue and become rows.

The encoding is the same in the outbox's segment files and on the queue, so that bytes are copied and never built
again: a fixed header, the payloads' lengths, then the payloads verbatim. Header and checksum are paid once for all.
"""

import struct
from collections.abc import Iterator
from itertools import accumulate, pairwise

import msgspec
from isal.isal_zlib import crc32  # zlib's crc32, several times as fast

from common.core.envelope import Envelope
from common.errors import RecorderError

MOST_TOGETHER = 512  # payloads of a batch

_HEADER = struct.Struct("<IIQQQqqIHBB")
HEADER_BYTES = _HEADER.size
LENGTH_BYTES = 4
_BEHIND_CRC = 8  # length and crc come first; the crc covers all that follows them
_PREFIX = struct.Struct("<II")
_FIELDS = struct.Struct("<QQQqqIHBB")


class EncodingError(RecorderError):
    """Bytes that are not a whole batch: torn by a crash, or not ours."""


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Consecutive envelopes of one lane that differ in payload and sequences only, which count up from these.

    A ROW, whose message sequences are 0, always stands alone.
    """

    kind: int
    lane_sequence: int
    message_sequence: int
    global_message_sequence: int
    received_at_ns: int
    received_monotonic_ns: int
    context: int
    opcode: int
    payloads: list[bytes]

    @property
    def last_lane_sequence(self) -> int:
        """Of its last envelope."""
        return self.lane_sequence + len(self.payloads) - 1

    def envelope(self, index: int) -> Envelope:
        """One of them by itself; -1 is the last one."""
        index %= len(self.payloads)
        return Envelope(
            self.kind,
            self.lane_sequence + index,
            self.message_sequence + index,
            self.global_message_sequence + index,
            self.received_at_ns,
            self.received_monotonic_ns,
            self.context,
            self.opcode,
            self.payloads[index],
        )

    def envelopes(self) -> list[Envelope]:
        """Each by itself."""
        return [self.envelope(index) for index in range(len(self.payloads))]

    def since(self, index: int) -> "Batch":
        """Without those before this index."""
        return msgspec.structs.replace(
            self,
            lane_sequence=self.lane_sequence + index,
            message_sequence=self.message_sequence + index,
            global_message_sequence=self.global_message_sequence + index,
            payloads=self.payloads[index:],
        )


def encode_batch(batch: Batch) -> bytes:
    """The batch as it is in a segment file and crosses the queue."""
    payloads = batch.payloads
    count = len(payloads)
    body = b"".join(payloads)
    fields = _FIELDS.pack(
        batch.lane_sequence,
        batch.message_sequence,
        batch.global_message_sequence,
        batch.received_at_ns,
        batch.received_monotonic_ns,
        batch.context,
        count,
        batch.kind,
        batch.opcode,
    )
    fields += struct.pack(f"<{count}I", *map(len, payloads))
    crc = crc32(body, crc32(fields))
    return b"".join((_PREFIX.pack(_BEHIND_CRC + len(fields) + len(body), crc), fields, body))


def decode_batches(data: bytes) -> Iterator[Batch]:
    """Every batch of a series of whole ones, in order. Raises EncodingError at a torn or altered one."""
    offset = 0
    while offset < len(data):
        batch, offset = _decode_at(data, offset)
        yield batch


def whole_batches(data: bytes) -> Iterator[tuple[Batch, int]]:
    """Each whole batch with the offset after it; ends quietly where a torn or altered one begins."""
    offset = 0
    while offset < len(data):
        try:
            batch, offset = _decode_at(data, offset)
        except EncodingError:
            return
        yield batch, offset


def decode_envelopes(data: bytes) -> Iterator[Envelope]:
    """The envelopes of a series of whole batches, in order. Raises EncodingError at a torn or altered one."""
    for batch in decode_batches(data):
        yield from batch.envelopes()


def _decode_at(data: bytes, offset: int) -> tuple[Batch, int]:
    if len(data) - offset < HEADER_BYTES:
        raise EncodingError(f"a batch's header is cut at byte {offset}")
    length, crc, lane, message, number, at, monotonic, context, count, kind, opcode = _HEADER.unpack_from(
        data, offset
    )
    end = offset + length
    begin = offset + HEADER_BYTES + LENGTH_BYTES * count
    if begin > end or end > len(data):
        raise EncodingError(f"a batch is cut at byte {offset}")
    if crc32(memoryview(data)[offset + _BEHIND_CRC : end]) != crc:
        raise EncodingError(f"a batch's checksum is wrong at byte {offset}")
    lengths = struct.unpack_from(f"<{count}I", data, offset + HEADER_BYTES)
    ends = list(accumulate(lengths, initial=begin))
    if ends[-1] != end:
        raise EncodingError(f"a batch's lengths are wrong at byte {offset}")
    payloads = [data[first:last] for first, last in pairwise(ends)]
    return Batch(kind, lane, message, number, at, monotonic, context, opcode, payloads), end
