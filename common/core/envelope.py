"""The envelope: one message with its sequences and both receive times; the unit of recording.

Its encoding is the same in the outbox's segment files and on the queue, so that bytes are copied and never
built again: a fixed header, then the payload verbatim.
"""

import struct
import zlib
from collections.abc import Iterator

import msgspec

from common.errors import RecorderError

MESSAGE = 1  # payload is what the exchange sent; session and subscription stand in the envelope's context
ROW = 2  # payload is a complete archive row that the producer wrote itself, without its newline

_HEADER = struct.Struct("<IIQQQqqIBB")
HEADER_BYTES = _HEADER.size
_CRC_BYTES = 8  # length and crc come first; the crc covers all that follows them


class EncodingError(RecorderError):
    """Bytes that are no whole envelope: torn by a crash, or not ours."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """One unit of recording.

    `lane_sequence` is dense from 1 in its producer's lane. `message_sequence` (1-based in the session) and
    `global_message_sequence` (1-based in the producer) are 0 for a ROW. `context` is the number of the
    Context in force; 0 for a ROW, which needs none. `opcode` is RFC 6455's, 0 for a ROW.
    """

    kind: int
    lane_sequence: int
    message_sequence: int
    global_message_sequence: int
    received_at_ns: int
    received_monotonic_ns: int
    context: int
    opcode: int
    payload: bytes


class Context(msgspec.Struct, frozen=True):
    """What many messages have in common: one subscription revision of one session.

    `subscription_json` and `tokens_tracked_json` are the rows' values, encoded once. `number` is dense from 1
    in the producer.
    """

    number: int
    session_id: str
    connection_sequence: int
    url: str
    subscription_json: bytes
    tokens_tracked_json: bytes


def encode_envelope(envelope: Envelope) -> bytes:
    """The envelope as it stands in a segment file and crosses the queue."""
    record = bytearray(
        _HEADER.pack(
            HEADER_BYTES + len(envelope.payload),
            0,
            envelope.lane_sequence,
            envelope.message_sequence,
            envelope.global_message_sequence,
            envelope.received_at_ns,
            envelope.received_monotonic_ns,
            envelope.context,
            envelope.kind,
            envelope.opcode,
        )
    )
    record += envelope.payload
    crc = zlib.crc32(memoryview(record)[_CRC_BYTES:])
    record[4:_CRC_BYTES] = crc.to_bytes(4, "little")
    return bytes(record)


def decode_envelopes(data: bytes) -> Iterator[Envelope]:
    """Every envelope of a run of whole ones, in order. Raises EncodingError at a torn or altered one."""
    offset = 0
    while offset < len(data):
        envelope, offset = _decode_at(data, offset)
        yield envelope


def whole_envelopes(data: bytes) -> Iterator[tuple[Envelope, int]]:
    """Each whole envelope with the offset behind it; ends quietly where a torn or altered one begins."""
    offset = 0
    while offset < len(data):
        try:
            envelope, offset = _decode_at(data, offset)
        except EncodingError:
            return
        yield envelope, offset


def _decode_at(data: bytes, offset: int) -> tuple[Envelope, int]:
    if len(data) - offset < HEADER_BYTES:
        raise EncodingError(f"an envelope's header is cut at byte {offset}")
    length, crc, lane, message, global_message, at, monotonic, context, kind, opcode = _HEADER.unpack_from(
        data, offset
    )
    end = offset + length
    if length < HEADER_BYTES or end > len(data):
        raise EncodingError(f"an envelope is cut at byte {offset}")
    if zlib.crc32(memoryview(data)[offset + _CRC_BYTES : end]) != crc:
        raise EncodingError(f"an envelope's checksum is wrong at byte {offset}")
    payload = data[offset + HEADER_BYTES : end]
    return (
        Envelope(kind, lane, message, global_message, at, monotonic, context, opcode, payload),
        end,
    )
