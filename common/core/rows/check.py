"""Checks a row against what it states of itself."""

import hashlib

from common.core.rows.reading import LIFE_CYCLE_RECORDS, Row, row_of
from common.core.rows.rest import REQUEST_RECORDS
from common.core.rows.websocket import GAP, MESSAGE_RECORD
from common.errors import ArchiveError


def check_row(line: bytes) -> list[str]:
    """What is wrong with a line, as messages; empty when all is well. Never raises."""
    try:
        return row_findings(row_of(line))
    except ArchiveError as error:
        return [str(error)]


def row_findings(row: Row) -> list[str]:
    """What is wrong with a row that was read, as messages."""
    if row.record_type in LIFE_CYCLE_RECORDS:
        return ["its gap cannot be read"] if row.record_type == GAP and not row.detail else []
    try:
        payload = row.payload
    except ArchiveError as error:
        return [str(error)]
    if row.record_type not in {MESSAGE_RECORD, *REQUEST_RECORDS}:
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


def _findings_without_payload(row: Row) -> list[str]:
    if row.record_type in REQUEST_RECORDS and row.response is None and row.payload_sha256 is None:
        return []
    return ["the payload is missing: no raw_text, no raw_base64, no raw_response_json"]
