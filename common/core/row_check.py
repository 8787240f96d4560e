"""Gives a row's original payload back, and checks a row against what it says of itself."""

import hashlib
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from common.core.rows.rest import REST_CHECKPOINT
from common.core.rows.websocket import (
    DIVERGENCE,
    GAP,
    MESSAGE_RECORD,
    SESSION_CLOSED,
    SESSION_OPENED,
    SUBSCRIPTION_CHANGED,
)
from common.errors import ArchiveError

_CONTROL_RECORDS = frozenset({SESSION_OPENED, SESSION_CLOSED, SUBSCRIPTION_CHANGED, GAP, DIVERGENCE})


class _Response(msgspec.Struct):
    raw_response_json: msgspec.Raw = msgspec.Raw(b"null")
    raw_text: str | None = None
    raw_base64: str | None = None


class Row(msgspec.Struct, gc=False):
    """What a check needs of any row; `json` is the parsed payload's own bytes, not yet decoded."""

    record_type: str
    producer: str = ""
    exchange: str | None = None
    leg: str | None = None
    host: str | None = None
    session_id: str | None = None
    connection_sequence: int = 0
    received_at_ns: int = 0
    received_monotonic_ns: int = 0
    message_sequence: int | None = None
    global_message_sequence: int | None = None
    checkpoint_sequence: int | None = None
    payload_sha256: str | None = None
    payload_length_bytes: int | UnsetType = UNSET
    raw_text: str | None = None
    raw_base64: str | None = None
    json: msgspec.Raw = msgspec.Raw(b"null")
    response: _Response | None = None
    gap: dict[str, Any] | None = None

    @property
    def payload_json(self) -> bytes:
        """The payload as JSON; verbatim where it is beyond the bounds of `json`, empty where there is none."""
        raw = bytes(self.json if self.response is None else self.response.raw_response_json)
        if raw != b"null":
            return raw
        try:
            return _payload(self) or b""
        except ArchiveError:
            return b""


_DECODER = msgspec.json.Decoder(Row)


def payload_of_row(line: bytes) -> bytes | None:
    """The payload's bytes exactly as received; None where the row has none (life-cycle rows, no answer).

    Raises ArchiveError on a line that is no row.
    """
    return _payload(read_row(line))


def check_row(line: bytes) -> list[str]:
    """What is wrong with a row, in words; empty when all is well. Never raises."""
    try:
        return row_findings(read_row(line))
    except ArchiveError as error:
        return [str(error)]


def row_findings(row: Row) -> list[str]:
    """What is wrong with a row that was read, in words."""
    try:
        payload = _payload(row)
    except ArchiveError as error:
        return [str(error)]
    if row.record_type in _CONTROL_RECORDS:
        return []
    if row.record_type not in {MESSAGE_RECORD, REST_CHECKPOINT}:
        return [f"unknown record_type {row.record_type!r}"]
    if payload is None:
        return _findings_without_payload(row)
    findings = []
    digest = hashlib.sha256(payload).hexdigest()
    if row.payload_sha256 != digest:
        findings.append(f"payload_sha256 is {row.payload_sha256}, the payload's bytes give {digest}")
    if row.record_type == MESSAGE_RECORD and row.payload_length_bytes != len(payload):
        findings.append(f"payload_length_bytes is {row.payload_length_bytes}, the payload has {len(payload)}")
    return findings


def read_row(line: bytes) -> Row:
    """The row of a line. Raises ArchiveError on a line that is no row."""
    try:
        if not line.isascii():
            line.decode()  # the decoder does not look into the texts that it skips
        return _DECODER.decode(line)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise ArchiveError(f"no readable row: {error}") from error


def _findings_without_payload(row: Row) -> list[str]:
    if row.record_type == REST_CHECKPOINT and row.response is None and row.payload_sha256 is None:
        return []
    return ["the payload is missing: no raw_text, no raw_base64, no raw_response_json"]


def _payload(row: Row) -> bytes | None:
    raw: Row | _Response = row if row.response is None else row.response
    if raw.raw_base64 is not None:
        try:
            return b64decode(raw.raw_base64, validate=True)
        except Base64Error as error:
            raise ArchiveError(f"raw_base64 is no base64: {error}") from error
    if raw.raw_text is not None:
        return raw.raw_text.encode()
    if isinstance(raw, _Response) and bytes(raw.raw_response_json) != b"null":
        return bytes(raw.raw_response_json)
    return None
