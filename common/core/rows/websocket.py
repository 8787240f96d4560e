"""The archive's websocket rows: one JSON object a line, spliced from bytes that are already JSON.

Field names and meaning are the contract of the archive. What is constant per subscription revision stands
first and is encoded once.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from common.core.envelope import Context, Envelope
from common.core.instants import utc_text
from common.core.json_splice import encode_line
from common.core.market import Token
from common.core.rows.gap import Gap
from common.core.rows.origin import Origin, origin_json

SCHEMA_VERSION = 1
MESSAGE_RECORD = "message"
SESSION_OPENED = "session_opened"
SESSION_CLOSED = "session_closed"
SUBSCRIPTION_CHANGED = "subscription_changed"
GAP = "gap"
DIVERGENCE = "divergence"


class Classified(msgspec.Struct, frozen=True, gc=False):
    """A payload, judged: its text, its JSON on one line, and its kinds.

    `text` is None where the payload is not UTF-8, `json_bytes` where it is not JSON. `json_error` says why;
    it is None for the exchange's plain texts, which do not count as failed JSON. `event_types` are distinct, in the
    order of first appearance.
    """

    text: str | None
    json_bytes: bytes | None
    json_error: str | None
    event_types: tuple[str, ...]


class Rows(msgspec.Struct, frozen=True, gc=False):
    """Rows of one archive that belong together: each is `constant` and one of `rests`, which end in line feeds.

    `constant` is one object for as long as its bytes are the same.
    """

    constant: bytes
    rests: list[bytes]

    def joined(self) -> bytes:
        """The rows as they are in the archive."""
        return self.constant.join((b"", *self.rests))


def message_constant(context: Context, origin: Origin) -> bytes:
    """What the rows of all messages of a context begin with."""
    return _constant_part(MESSAGE_RECORD, context, origin)


def message_rest(envelope: Envelope, classified: Classified) -> bytes:
    """What follows in the row of one message, its line feed included."""
    payload = envelope.payload
    if classified.text is None:
        raw = b'"raw_base64":"%b"' % b64encode(payload)
    else:
        raw = b'"raw_text":%b' % encode_line(classified.text)
    error = classified.json_error
    return (
        b',"received_at_utc":"%b","received_at_ns":%d,"received_monotonic_ns":%d,'
        b'"message_sequence":%d,"global_message_sequence":%d,"opcode":%d,"payload_length_bytes":%d,'
        b'"payload_sha256":"%b",%b,"json":%b,"json_error":%b,"classified_event_types":%b}\n'
        % (
            utc_text(envelope.received_at_ns).encode(),
            envelope.received_at_ns,
            envelope.received_monotonic_ns,
            envelope.message_sequence,
            envelope.global_message_sequence,
            envelope.opcode,
            len(payload),
            hashlib.sha256(payload).hexdigest().encode(),
            raw,
            b"null" if classified.json_bytes is None else classified.json_bytes,
            b"null" if error is None else encode_line(error),
            kinds_json(classified.event_types),
        )
    )


def control_row(
    record_type: str,
    context: Context,
    *,
    origin: Origin,
    received_at_ns: int,
    received_monotonic_ns: int,
    detail: Mapping[str, object] | Gap,
) -> bytes:
    """A life-cycle row (`session_opened`, `session_closed`, `gap`, ...), without newline.

    It has no message sequences; `detail` stands under a key named like the record type.
    """
    return b'%b,"received_at_utc":"%b","received_at_ns":%d,"received_monotonic_ns":%d,%b:%b}' % (
        _constant_part(record_type, context, origin),
        utc_text(received_at_ns).encode(),
        received_at_ns,
        received_monotonic_ns,
        encode_line(record_type),
        encode_line(detail),
    )


def subscription_json(revision: int, assets_ids: Iterable[str]) -> bytes:
    """The value of a row's `subscription`."""
    return encode_line({"revision": revision, "assets_ids": list(assets_ids)})


def tokens_tracked_json(tokens: Iterable[Token]) -> bytes:
    """The value of a row's `tokens_tracked`."""
    return encode_line(list(tokens))


def _constant_part(record_type: str, context: Context, origin: Origin) -> bytes:
    return (
        b'{"schema_version":%d,"record_type":%b,%b,"session_id":%b,"connection_sequence":%d,'
        b'"websocket":{"url":%b},"subscription":%b,"tokens_tracked":%b'
        % (
            SCHEMA_VERSION,
            encode_line(record_type),
            origin_json(origin),
            encode_line(context.session_id),
            context.connection_sequence,
            encode_line(context.url),
            context.subscription_json,
            context.tokens_tracked_json,
        )
    )


@lru_cache(maxsize=256)
def kinds_json(event_types: tuple[str, ...]) -> bytes:
    """The value of a row's `classified_event_types`."""
    return encode_line(event_types)
