import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.core.envelope import MESSAGE, Context, Envelope
from common.core.events.market_events import BookSnapshot
from common.core.events.reader import read_events
from common.core.market import Token
from common.core.rows.check import check_row
from common.core.rows.origin import Origin
from common.core.rows.reading import row_of as recorded_row
from common.core.rows.websocket import Classified, control_row, message_constant, message_rest
from common.polymarket.classify import classify
from tests.contexts import context_for

TOKENS = tuple(
    Token("btc-updown-5m-1", "0xc", str(10**77 + n), "Up\u2028", "2026-11-23T19:05:00Z") for n in (1, 2)
)
WS_URL = "wss://exchange.test/ws/market"
AT_NS = 1_795_462_109_123_456_789


def context() -> Context:
    return context_for(
        7, session_id="s-1", connection_sequence=3, url=WS_URL, subscription_revision=2, tokens=TOKENS
    )


def row_of(payload: bytes, classified: Classified | None = None) -> bytes:
    envelope = Envelope(MESSAGE, 9, 4, 11, AT_NS, 5_000, 7, 1, payload)
    rest = message_rest(envelope, classified or classify(payload, 1))
    return message_constant(context(), Origin("ws_reader-0", "simulated", "b", "h1")) + rest


def parsed(payload: bytes) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(row_of(payload))
    return row


def test_a_message_row_holds_every_field_of_the_contract() -> None:
    payload = b'{"event_type":"book","market":"0xc"}\n'
    assert parsed(payload) == {
        "schema_version": 1,
        "record_type": "message",
        "exchange": "simulated",
        "producer": "ws_reader-0",
        "leg": "b",
        "host": "h1",
        "session_id": "s-1",
        "connection_sequence": 3,
        "websocket": {"url": WS_URL},
        "subscription": {"revision": 2, "assets_ids": [token.token_id for token in TOKENS]},
        "tokens_tracked": [
            {
                "market_slug": token.market_slug,
                "condition_id": token.condition_id,
                "token_id": token.token_id,
                "outcome": token.outcome,
                "end_time_utc": token.end_time_utc,
                "protocol": "v1",
            }
            for token in TOKENS
        ],
        "received_at_utc": "2026-11-23T19:28:29.123456Z",
        "received_at_ns": AT_NS,
        "received_monotonic_ns": 5_000,
        "message_sequence": 4,
        "global_message_sequence": 11,
        "opcode": 1,
        "payload_length_bytes": len(payload),
        "payload_sha256": hashlib.sha256(payload).hexdigest(),
        "raw_text": payload.decode(),
        "json": {"event_type": "book", "market": "0xc"},
        "json_error": None,
        "classified_event_types": ["book"],
    }


def test_what_is_not_json_is_kept_as_text_with_the_reason() -> None:
    row = parsed(b"<html>\x00\x85".decode("latin-1").encode())
    assert row["raw_text"] == "<html>\x00\x85"
    assert row["json"] is None
    assert "malformed" in row["json_error"]


def test_what_is_not_utf8_is_kept_as_base64() -> None:
    row = parsed(b"\xff\x00")
    assert row["raw_base64"] == "/wA="
    assert "raw_text" not in row


@given(
    st.binary(max_size=80)
    | st.text(max_size=60).map(lambda text: json.dumps([text]).encode())
    | st.just(b"null")
)
def test_any_payload_comes_back_byte_for_byte_from_a_row_of_one_line(payload: bytes) -> None:
    row = row_of(payload)
    assert row.endswith(b"}\n")
    assert len(row.decode().splitlines()) == 1
    json.loads(row)
    assert recorded_row(row).payload == payload
    assert check_row(row) == []


def test_a_control_row_names_its_detail_and_has_no_message_sequence() -> None:
    row = control_row(
        "gap",
        context(),
        origin=Origin("ws_reader-0"),
        received_at_ns=AT_NS,
        received_monotonic_ns=6,
        detail={"cause": "spool full\u2028", "first": 3},
    )
    assert len(row.decode().splitlines()) == 1
    value = json.loads(row)
    assert value["gap"] == {"cause": "spool full\u2028", "first": 3}
    assert value["record_type"] == "gap"
    assert value["exchange"] == "live"
    assert value["received_at_utc"] == "2026-11-23T19:28:29.123456Z"
    assert value["subscription"]["revision"] == 2
    assert "message_sequence" not in value
    assert check_row(row) == []
    assert recorded_row(row).payload is None


def test_an_altered_row_is_found_out() -> None:
    row = row_of(b'{"event_type":"book"}')
    assert check_row(row.replace(rb"\"book\"", rb"\"look\"")) != []
    assert "payload_sha256 is " in check_row(row.replace(b'"payload_sha256":"', b'"payload_sha256":"0'))[0]
    longer = row.replace(b'"payload_length_bytes":21', b'"payload_length_bytes":22')
    assert check_row(longer) == ["payload_length_bytes is 22, the payload has 21"]
    without = row.replace(b'"raw_text"', b'"raw_test"')
    assert check_row(without) == ["the payload is missing: no raw_text, no raw_base64, no raw_response_json"]


def test_a_line_that_is_no_row_is_a_finding_not_an_error() -> None:
    for line in (b"", b"[]", b"\xff", b"[" * 100_000, b'{"record_type":1}', row_of(b"PONG")[:-5]):
        assert check_row(line)[0].startswith("no readable row")
    assert check_row(b'{"record_type":"other","received_at_ns":1}') == ["unknown record_type 'other'"]
    assert check_row(row_of(b"\xff").replace(b'"/w=="', b'"/w="'))[0].startswith("raw_base64 is not base64")


def test_a_book_with_a_number_that_no_reader_takes_is_still_read_from_the_archive() -> None:
    payload = (
        b'{"event_type":"book","market":"0xc","asset_id":"1","timestamp":"5","bids":[],"asks":[],"id":%b}'
        % (b"7" * 40)
    )
    row = row_of(payload)
    assert json.loads(row)["json"] is None
    assert isinstance(read_events(recorded_row(row).payload_json)[0], BookSnapshot)
