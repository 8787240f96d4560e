"""The envelope: one message with its sequences and both receive times; the unit of recording.

Its encoding is the same in the outbox's segment files and on the queue, so that bytes are copied and never
built again: a fixed header, then the payload verbatim.
"""

import struct
from collections.abc import Iterator, Sequence

import msgspec
from isal.isal_zlib import crc32  # zlib's crc32, several times as fast

from common.errors import RecorderError

MESSAGE = 1  # payload is what the exchange sent; session and subscription stand in the envelope's context
ROW = 2  # payload is a complete archive row that the producer wrote itself, without its newline

_HEADER = struct.Struct("<IIQQQqqIBB")
HEADER_BYTES = _HEADER.size
_CRC_BYTES = 8  # length and crc come first; the crc covers all that follows them
_PREFIX = struct.Struct("<II")  # the header's two parts, for encoding many
_REST = struct.Struct("<QQQqqIBB")


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


class Message(msgspec.Struct, frozen=True, gc=False):
    """One text or binary message as it was received, fragments joined. `opcode` is RFC 6455's."""

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
    crc = crc32(memoryview(record)[_CRC_BYTES:])
    record[4:_CRC_BYTES] = crc.to_bytes(4, "little")
    return bytes(record)


def encode_messages(messages: Sequence[Message], first: Envelope) -> bytes:
    """The envelopes of messages received at once, joined: all as `first`, but for payload, opcode and sequences.

    Those count up from the first's. The same bytes as `encode_envelope` of each.
    """
    lane, message_sequence = first.lane_sequence, first.message_sequence
    number, at_ns, monotonic_ns = (
        first.global_message_sequence,
        first.received_at_ns,
        first.received_monotonic_ns,
    )
    context, prefix, rest = first.context, _PREFIX.pack, _REST.pack
    parts: list[bytes] = []
    for index, message in enumerate(messages):
        payload = message.payload
        fields = rest(
            lane + index,
            message_sequence + index,
            number + index,
            at_ns,
            monotonic_ns,
            context,
            MESSAGE,
            message.opcode,
        )
        parts += (prefix(HEADER_BYTES + len(payload), crc32(payload, crc32(fields))), fields, payload)
    return b"".join(parts)


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
    if crc32(memoryview(data)[offset + _CRC_BYTES : end]) != crc:
        raise EncodingError(f"an envelope's checksum is wrong at byte {offset}")
    payload = data[offset + HEADER_BYTES : end]
    return (
        Envelope(kind, lane, message, global_message, at, monotonic, context, opcode, payload),
        end,
    )
