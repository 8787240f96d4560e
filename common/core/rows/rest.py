"""The archive's REST rows: one checkpoint request and its answer, or its failure, a line.

`raw_response_json` is the body's own bytes wherever they fit on one line, so that `payload_sha256` can be
recomputed from the row; else `raw_text` (or `raw_base64`) keeps the body beside it.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping

import msgspec

from common.core.instants import utc_text
from common.core.json_splice import encode_line, splice
from common.core.rows.origin import Origin, origin_json
from common.core.rows.websocket import SCHEMA_VERSION

REST_CHECKPOINT = "rest_checkpoint"
RESOLUTION_ANSWER = "resolution_answer"  # how windows were resolved, as a source says it
MARKET_METADATA = "market_metadata"
REQUEST_RECORDS = (REST_CHECKPOINT, RESOLUTION_ANSWER, MARKET_METADATA)
_KEPT_HEADERS = frozenset({"content-type", "date", "retry-after", "cf-ray"})
_KEPT_HEADER_PREFIXES = ("ratelimit", "poly-ratelimit", "x-ratelimit")


class HttpAnswer(msgspec.Struct, frozen=True):
    """What a host answered, whatever the status.

    Header names are lower case; `body` is decoded of its transfer and content encodings; `elapsed_ms` is
    from the call to the last byte.
    """

    status_code: int
    headers: dict[str, str]
    body: bytes
    elapsed_ms: float


class Checkpoint(msgspec.Struct, frozen=True):
    """One request, for books unless `record_type` says otherwise.

    `answer` is None when none came; `error` states what was wrong, or None. `tokens_tracked_json` is the JSON value of
    `tokens_tracked`; `missing_token_ids` were asked for and are not in the answer. `received_at_ns` is the end of the
    answer or of the wait for it.
    """

    origin: Origin
    session_id: str
    checkpoint_sequence: int
    requested_at_ns: int
    received_at_ns: int
    method: str
    url: str
    body: bytes | None
    answer: HttpAnswer | None
    error: str | None
    tokens_tracked_json: bytes
    missing_token_ids: tuple[str, ...] = ()
    record_type: str = REST_CHECKPOINT


def checkpoint_row(checkpoint: Checkpoint) -> bytes:
    """The complete row of one checkpoint, without newline."""
    answer = checkpoint.answer
    digest = None if answer is None else hashlib.sha256(answer.body).hexdigest()
    return (
        b'{"schema_version":%d,"record_type":%b,%b,"session_id":%b,"checkpoint_sequence":%d,'
        b'"requested_at_utc":"%b","requested_at_ns":%d,"received_at_utc":"%b","received_at_ns":%d,'
        b'"request":{"method":%b,"url":%b,"body":%b},"response":%b,"error":%b,"tokens_tracked":%b,'
        b'"missing_token_ids":%b,"payload_sha256":%b}'
        % (
            SCHEMA_VERSION,
            encode_line(checkpoint.record_type),
            origin_json(checkpoint.origin),
            encode_line(checkpoint.session_id),
            checkpoint.checkpoint_sequence,
            utc_text(checkpoint.requested_at_ns).encode(),
            checkpoint.requested_at_ns,
            utc_text(checkpoint.received_at_ns).encode(),
            checkpoint.received_at_ns,
            encode_line(checkpoint.method),
            encode_line(checkpoint.url),
            _request_body(checkpoint.body),
            b"null" if answer is None else _response(answer),
            encode_line(checkpoint.error),
            checkpoint.tokens_tracked_json,
            encode_line(checkpoint.missing_token_ids),
            encode_line(digest),
        )
    )


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that a row may hold, REST or websocket, by an allow-list: never cookies or authorisation."""
    lowered = {name.lower(): value for name, value in headers.items()}
    return {
        name: value.encode(errors="replace").decode()
        for name, value in lowered.items()
        if name in _KEPT_HEADERS or name.startswith(_KEPT_HEADER_PREFIXES)
    }


def _request_body(body: bytes | None) -> bytes:
    if body is None:
        return b"null"
    return splice(body).value or encode_line(body.decode(errors="replace"))


def _response(answer: HttpAnswer) -> bytes:
    value = splice(answer.body).value
    return b'{"status_code":%d,"headers":%b,"elapsed_ms":%b,"raw_response_json":%b,%b}' % (
        answer.status_code,
        encode_line(kept_headers(answer.headers)),
        encode_line(round(answer.elapsed_ms, 3)),
        b"null" if value is None else value,
        _raw_body(answer.body, value),
    )


def _raw_body(body: bytes, value: bytes | None) -> bytes:
    if body == value and body != b"null":  # a body `null` would look like a body that is not JSON
        return b'"raw_text":null'
    try:
        return b'"raw_text":%b' % encode_line(body.decode())
    except UnicodeDecodeError:
        return b'"raw_text":null,"raw_base64":"%b"' % b64encode(body)
