import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.events.kinds import MARKET_KINDS, PLAIN_TEXTS
from common.polymarket.classify import classify

BOOK = {"market": "0xa", "asset_id": "1", "bids": [{"price": "0.4", "size": "2"}], "asks": [], "hash": "ab"}


def kinds(value: object) -> tuple[str, ...]:
    return classify(json.dumps(value).encode()).event_types


@pytest.mark.parametrize("kind", sorted(MARKET_KINDS))
def test_a_known_kind_is_its_own_class_whatever_else_stands_in_the_message(kind: str) -> None:
    assert kinds({"market": "0xa", "event_type": kind}) == (kind,)
    assert kinds({"market": {"id": 1, "l": [0.5]}, "event_type": kind}) == (kind,)
    assert kinds([{"event_type": kind}, {"event_type": kind, "new_field": None}]) == (kind,)


def test_an_array_names_its_kinds_in_the_order_of_first_appearance() -> None:
    change, book, odd = {"event_type": "price_change"}, {"event_type": "book"}, {"event_type": "x", "n": 1}
    assert kinds([change, book, change]) == ("price_change", "book")
    assert kinds([odd, book, change, odd]) == ("unknown:x", "book", "price_change")


@pytest.mark.parametrize("text", sorted(PLAIN_TEXTS))
def test_plain_texts_are_no_parse_errors(text: str) -> None:
    classified = classify(text.encode())
    assert classified.event_types == (text,)
    assert (classified.text, classified.json_bytes, classified.json_error) == (text, None, None)
    assert classify(text.encode() + b"\n").event_types == (text,)


def test_a_binary_frame_is_read_like_a_text_frame() -> None:
    assert classify(b"PONG", 2) == classify(b"PONG", 1)


def test_a_book_without_event_type_has_its_own_class() -> None:
    assert kinds(BOOK) == ("book_without_event_type",)
    assert kinds([BOOK | {"extra": 1}]) == ("book_without_event_type",)
    assert kinds({"bids": []}) == ("unknown:no_event_type",)
    assert kinds({"bids": [], "extra": 1}) == ("unknown:no_event_type",)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"[]\n", "empty_array"),
        (b"1", "unknown:not_an_object"),
        (b"null", "unknown:not_an_object"),
        (b'["book"]', "unknown:not_an_object"),
        (b"[[]]", "unknown:not_an_object"),
        (b'{"event_type":1}', "unknown:event_type_not_text"),
        (b'{"event_type":{"a":[]}}', "unknown:event_type_not_text"),
        (b'{"event_type":"halt"}', "unknown:halt"),
        (b'{"event_type":"b","event_type":"halt","n":2}', "unknown:halt"),
    ],
)
def test_odd_json_is_kept_and_named(payload: bytes, kind: str) -> None:
    classified = classify(payload)
    assert classified.event_types == (kind,)
    assert classified.json_bytes == payload.strip()
    assert classified.json_error is None


@pytest.mark.parametrize(
    "payload", [b"", b"hello", b"PONGS", b'{"event_type":"book"', rb'["\ud800"]', b"[1e999]"]
)
def test_what_is_not_json_says_why(payload: bytes) -> None:
    classified = classify(payload)
    assert classified.event_types == ("not_json",)
    assert classified.json_bytes is None
    assert classified.json_error
    assert classified.text == payload.decode()


def test_invalid_utf8_has_no_text() -> None:
    classified = classify(b'{"event_type":"book","market":"\xff"}')
    assert classified.event_types == ("not_utf8",)
    assert classified.text is None
    assert classified.json_error == "not valid UTF-8 at byte 31"


def test_hostile_kinds_are_cut_made_printable_and_limited_in_number() -> None:
    assert kinds({"event_type": "a\n\u202e" + "b" * 1000}) == ("unknown:a??" + "b" * 77,)
    many = kinds([{"event_type": str(number)} for number in range(1000)])
    assert len(many) == 32
    assert many[-1] == "unknown:and_more"


@given(
    st.binary(max_size=80)
    | st.text(alphabet='[]{}:,"event_typbook \n\u2028\\', max_size=60).map(lambda text: text.encode())
)
def test_any_payload_is_classified_and_what_is_json_reads_alike(payload: bytes) -> None:
    classified = classify(payload)
    assert classified.event_types
    assert classified.text is None or classified.text.encode() == payload
    if classified.json_bytes is not None:
        assert len(classified.json_bytes.decode().splitlines()) == 1
        assert json.loads(classified.json_bytes) == json.loads(payload.decode())


@given(
    st.dictionaries(
        st.sampled_from(["market", "bids", "price", "n", "event_type"]),
        st.text(max_size=5)
        | st.integers(-(1 << 63), (1 << 64) - 1)
        | st.none()
        | st.just([{"price": "1", "size": "2"}]),
    )
)
def test_objects_of_any_shape_read_alike(value: dict[str, object]) -> None:
    classified = classify(json.dumps([value], ensure_ascii=False, indent=1).encode())
    assert json.loads(classified.json_bytes or b"") == [value]
