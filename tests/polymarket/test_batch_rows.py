import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from common.core.batch import Batch
from common.core.envelope import MESSAGE
from common.polymarket.batch_rows import message_rows, rows_one_by_one
from common.polymarket.classify import usual_kinds

KINDS = ["book", "price_change", "last_trade_price", "best_bid_ask", "market_resolved", "halt", ""]
texts = st.text(alphabet='ab0.5-"\\\n\u00e9\u2028', max_size=6) | st.sampled_from(["0.51", "10", "0xab"])
levels = st.lists(st.fixed_dictionaries({"price": texts, "size": texts}), max_size=3)
values = texts | levels | st.integers() | st.none() | st.just(1e300) | st.lists(texts, max_size=2)
objects = st.fixed_dictionaries(
    {},
    optional={
        "event_type": st.sampled_from(KINDS) | values,
        "market": texts,
        "asset_id": texts,
        "bids": levels,
        "price_changes": levels,
        "new": values,
    },
)
spaces = st.sampled_from([b"", b" ", b"\n", b"\t", b"\r\n"])
separators = st.sampled_from([(",", ":"), (", ", ": ")])
encoded = st.builds(
    lambda value, separator, escaped, space: (
        json.dumps(value, separators=separator, ensure_ascii=escaped).encode(errors="surrogatepass") + space
    ),
    objects | st.lists(objects, max_size=2),
    separators,
    st.booleans(),
    spaces,
)
odd = st.binary(max_size=20) | st.sampled_from(
    [
        b"PONG",
        b'{"event_type":"book"}{"event_type":"book"}',
        b'{"event_type":"book","n":1e999}',
        b'{"event_type":"book","n":66357492701247383286635749270124738328}',
        b'{"event_type":"book","event_type":"halt"}',
        b'{"event_type":"book","market":"\x01"}',
        b'{"event_type":"book","market":"\xff"}',
        b'{"event_type":"book","market":"a',
        b'b"}',
        b'{"event_type":"book","bids":' + b"[" * 300 + b"]" * 300 + b"}",
    ]
)


def batch_of(payloads: list[bytes], opcode: int = 1) -> Batch:
    return Batch(MESSAGE, 5, 7, 9, 1_795_462_109_123_456_789, 5_000, 3, opcode, payloads)


@given(st.lists(encoded | odd, min_size=1, max_size=6), st.sampled_from([1, 2]))
def test_all_at_once_or_one_by_one_the_rows_are_the_same(payloads: list[bytes], opcode: int) -> None:
    batch = batch_of(payloads, opcode)
    at_once, singly = message_rows(batch), rows_one_by_one(batch)
    assert at_once.rests == singly.rests
    assert Counter(at_once.event_types) == Counter(singly.event_types)
    assert (at_once.json_errors, at_once.unknown) == (singly.json_errors, singly.unknown)


def test_what_comes_all_the_time_takes_the_short_way() -> None:
    change = b'{"market":"0xa","price_changes":[{"asset_id":"1","price":"0.5"}],"event_type":"price_change"}'
    book = b'{"market": "0xa", "bids": [{"price": "0.4", "size": "2"}], "asks": [], "event_type": "book"} '
    assert usual_kinds([change, book, change]) == ["price_change", "book", "price_change"]
    assert usual_kinds([change, b"PONG"]) is None
    rests = message_rows(batch_of([change, book])).rests
    assert [json.loads(b'{"a":1' + rest)["message_sequence"] for rest in rests] == [7, 8]


def test_what_a_batch_holds_is_counted() -> None:
    made = message_rows(batch_of([b'{"event_type":"halt"}', b"nonsense", b"PONG"]))
    assert made.event_types == ["unknown:halt", "not_json", "PONG"]
    assert (made.unknown, made.json_errors) == (1, 1)
