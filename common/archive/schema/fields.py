"""The fields of the rows of both streams and their kinds: the one list that all schemas are made from.

A kind is `text`, `int64`, `float64`, `json` (a value of any shape), a list with the kind of its items, or a dict with
the kinds of its fields. Every field can be null. Fields that are not listed here are left out by every reader, which
is how archives with more fields, of a later version, stay readable.
"""

from typing import Any

from common.core.market import Token

Kind = (
    Any  # "text" | "int64" | "float64" | "json" | [Kind] | {name: Kind}; mypy has no recursive alias for it
)

_TOKENS: Kind = [dict.fromkeys(Token.__struct_fields__, "text")]

WS_RAW: dict[str, Kind] = {
    "schema_version": "int64",
    "record_type": "text",
    "exchange": "text",
    "producer": "text",
    "leg": "text",
    "host": "text",
    "session_id": "text",
    "connection_sequence": "int64",
    "websocket": {"url": "text"},
    "subscription": {"revision": "int64", "assets_ids": ["text"]},
    "tokens_tracked": _TOKENS,
    "received_at_utc": "text",
    "received_at_ns": "int64",
    "received_monotonic_ns": "int64",
    "message_sequence": "int64",
    "global_message_sequence": "int64",
    "opcode": "int64",
    "payload_length_bytes": "int64",
    "payload_sha256": "text",
    "raw_text": "text",
    "raw_base64": "text",
    "json": "json",
    "json_error": "text",
    "classified_event_types": ["text"],
    "gap": {"cause": "text", "from_utc": "text", "to_utc": "text", "messages": "int64"},
    "session_opened": "json",
    "session_closed": "json",
    "subscription_changed": "json",
    "divergence": "json",
}

REST_CHECKPOINTS: dict[str, Kind] = {
    "schema_version": "int64",
    "record_type": "text",
    "exchange": "text",
    "producer": "text",
    "leg": "text",
    "host": "text",
    "session_id": "text",
    "checkpoint_sequence": "int64",
    "requested_at_utc": "text",
    "requested_at_ns": "int64",
    "received_at_utc": "text",
    "received_at_ns": "int64",
    "request": {"method": "text", "url": "text", "body": "json"},
    "response": {
        "status_code": "int64",
        "headers": "json",
        "elapsed_ms": "float64",
        "raw_response_json": "json",
        "raw_text": "text",
        "raw_base64": "text",
    },
    "error": "text",
    "tokens_tracked": _TOKENS,
    "missing_token_ids": ["text"],
    "payload_sha256": "text",
}

STREAMS = {"ws_raw": WS_RAW, "rest_checkpoints": REST_CHECKPOINTS}
MOST_BYTES_OF_ROW = (
    256 << 20
)  # a payload of `websocket.max_frame_bytes` stands in its row twice, with escapes
