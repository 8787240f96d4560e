import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.rows.check import check_row
from common.core.rows.origin import Origin
from common.core.rows.reading import row_of
from common.core.rows.rest import Checkpoint, HttpAnswer, checkpoint_row, kept_headers
from common.core.rows.websocket import tokens_tracked_json

REQUEST_BODY = b'[{"token_id":"12"},{"token_id":"34"}]'
AT_NS = 1_795_462_109_123_456_789


def checkpoint(
    answer: HttpAnswer | None, error: str | None = None, body: bytes | None = REQUEST_BODY
) -> Checkpoint:
    return Checkpoint(
        origin=Origin("rest_checkpointer-0", "simulated", host="h1"),
        session_id="rest-1",
        checkpoint_sequence=5,
        requested_at_ns=AT_NS,
        received_at_ns=AT_NS + 1_000_000,
        method="POST",
        url="https://clob.test/books",
        body=body,
        answer=answer,
        error=error,
        tokens_tracked_json=tokens_tracked_json(()),
        missing_token_ids=("34",),
    )


def answered(body: bytes) -> bytes:
    return checkpoint_row(checkpoint(HttpAnswer(200, {"content-type": "application/json"}, body, 12.3456)))


def test_a_checkpoint_row_holds_every_field_of_the_contract() -> None:
    body = b'[{"asset_id":"12","hash":"ab"}]'
    assert json.loads(answered(body)) == {
        "schema_version": 1,
        "record_type": "rest_checkpoint",
        "exchange": "simulated",
        "producer": "rest_checkpointer-0",
        "leg": None,
        "host": "h1",
        "session_id": "rest-1",
        "checkpoint_sequence": 5,
        "requested_at_utc": "2026-11-23T19:28:29.123456Z",
        "requested_at_ns": AT_NS,
        "received_at_utc": "2026-11-23T19:28:29.124456Z",
        "received_at_ns": AT_NS + 1_000_000,
        "request": {
            "method": "POST",
            "url": "https://clob.test/books",
            "body": [{"token_id": "12"}, {"token_id": "34"}],
        },
        "response": {
            "status_code": 200,
            "headers": {"content-type": "application/json"},
            "elapsed_ms": 12.346,
            "raw_response_json": [{"asset_id": "12", "hash": "ab"}],
            "raw_text": None,
        },
        "error": None,
        "tokens_tracked": [],
        "missing_token_ids": ["34"],
        "payload_sha256": hashlib.sha256(body).hexdigest(),
    }


def test_a_request_without_answer_is_a_row_too() -> None:
    row = checkpoint_row(checkpoint(None, "clob.test did not answer in 10 s", body=None))
    value = json.loads(row)
    assert value["response"] is None
    assert value["payload_sha256"] is None
    assert value["request"]["body"] is None
    assert value["error"] == "clob.test did not answer in 10 s"
    assert check_row(row) == []
    assert row_of(row).payload is None
    assert check_row(row.replace(b'"payload_sha256":null', b'"payload_sha256":"00"')) != []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"[]", None),
        (b"[]\n", "[]\n"),
        (b'[\n"a"]', '[\n"a"]'),
        (b"null", "null"),
        (b"error code: 1010", "error code: 1010"),
        (b"", ""),
    ],
)
def test_the_text_is_kept_where_the_json_alone_would_not_give_the_body_back(
    body: bytes, text: str | None
) -> None:
    row = answered(body)
    assert json.loads(row)["response"]["raw_text"] == text
    assert row_of(row).payload == body
    assert check_row(row) == []


@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: json.dumps({"a": text}).encode()))
def test_any_body_comes_back_byte_for_byte_from_a_row_of_one_line(body: bytes) -> None:
    row = answered(body)
    assert len(row.decode().splitlines()) == 1
    json.loads(row)
    assert row_of(row).payload == body
    assert check_row(row) == []


def test_an_altered_body_is_found_out() -> None:
    assert "payload_sha256 is " in check_row(answered(b'["12"]').replace(b'["12"]', b'["13"]'))[0]


def test_only_headers_of_the_allow_list_are_kept() -> None:
    headers = {
        "Set-Cookie": "secret",
        "Authorization": "secret",
        "CF-Ray": "a-\udce9",
        "RateLimit-Policy": "1;w=2",
        "RateLimit": "limit=5",
        "Poly-RateLimit-Remaining": "4",
        "X-RateLimit-Reset": "3",
        "X-Other": "2",
    }
    assert kept_headers(headers) == {
        "cf-ray": "a-?",
        "ratelimit-policy": "1;w=2",
        "ratelimit": "limit=5",
        "poly-ratelimit-remaining": "4",
        "x-ratelimit-reset": "3",
    }


def test_a_request_body_that_is_no_json_stands_as_text() -> None:
    row = checkpoint_row(checkpoint(None, "refused", body=b"token=\xff"))
    assert json.loads(row)["request"]["body"] == "token=\ufffd"
