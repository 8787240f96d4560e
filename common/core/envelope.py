"""The envelope: one message with its sequences and both receive times; the unit of recording."""

import msgspec

MESSAGE = 1  # payload is what the exchange sent; session and subscription are in the envelope's context
ROW = 2  # payload is a complete archive row that the producer wrote itself, without its newline


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
