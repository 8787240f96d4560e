"""What is in the rows of a batch, made in one go: the fast path of the recorder.

What comes all the time takes a short way, on which nothing is looked at twice; the rest goes through `classify`.
Both ways lead to the same bytes.
"""

import hashlib
from functools import lru_cache

import msgspec

from common.core.batch import Batch
from common.core.instants import utc_text
from common.core.rows.websocket import kinds_json, message_rest
from common.polymarket.classify import UNKNOWN, classify, usual_kinds

_USUAL_REST = (
    b',"received_at_utc":"%b","received_at_ns":%d,"received_monotonic_ns":%d,'
    b'"message_sequence":%%d,"global_message_sequence":%%d,"opcode":%d,"payload_length_bytes":%%d,'
    b'"payload_sha256":"%%b","raw_text":%%b,"json":%%b%%b'
)


class MessageRows(msgspec.Struct, gc=False):
    """The rests of the rows (`common/core/rows/websocket.py`), and what is to be counted of the messages."""

    rests: list[bytes]
    event_types: list[str]
    json_errors: int = 0
    unknown: int = 0


def message_rows(batch: Batch) -> MessageRows:
    """The rows of a batch of messages, in order."""
    kinds = usual_kinds(batch.payloads)
    if kinds is None:
        return rows_one_by_one(batch)
    rest = _USUAL_REST % (
        utc_text(batch.received_at_ns).encode(),
        batch.received_at_ns,
        batch.received_monotonic_ns,
        batch.opcode,
    )
    sequence, number = batch.message_sequence, batch.global_message_sequence
    encode, sha256 = msgspec.json.encode, hashlib.sha256
    rests = [
        rest
        % (
            sequence + index,
            number + index,
            len(payload),
            sha256(payload).hexdigest().encode(),
            encode(payload.decode()),
            payload.strip(),
            _ending(kinds[index]),
        )
        for index, payload in enumerate(batch.payloads)
    ]
    return MessageRows(rests, kinds)


def rows_one_by_one(batch: Batch) -> MessageRows:
    """The same for messages of any kind."""
    made = MessageRows([], [])
    for envelope in batch.envelopes():
        classified = classify(envelope.payload, envelope.opcode)
        made.rests.append(message_rest(envelope, classified))
        made.event_types += classified.event_types
        made.unknown += sum(kind.startswith(UNKNOWN) for kind in classified.event_types)
        made.json_errors += classified.json_error is not None
    return made


@lru_cache(maxsize=64)
def _ending(kind: str) -> bytes:
    return b',"json_error":null,"classified_event_types":%b}\n' % kinds_json((kind,))
