import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.market import Token
from common.core.rows.reading import row_of
from common.polymarket.describe import describe_message, describe_row

TOKENS = {"7": Token("btc-updown-5m-1", "0x1", "7", "Up", "2026-11-23T12:00:00.000000Z")}
QUOTE = '"best_bid":"0.4","best_ask":"0.5"'
LEVELS = '[{"price":"0.1","size":"5"},{"price":"0.43","size":"120"}]'


TRACKED = [
    {"market_slug": "m", "condition_id": "0x1", "token_id": each, "outcome": "Up", "end_time_utc": ""}
    for each in ("1", "2")
]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (
            '{"event_type":"book","asset_id":"7","bids":' + LEVELS + ',"asks":[]}',
            ("btc-updown-5m-1 Up", "0.43 x 120 | none  2 bids, 0 asks"),
        ),
        (
            '{"price_changes":[{"asset_id":"7","price":"0.4","size":"9","side":"BUY",' + QUOTE + "},{}]}",
            ("btc-updown-5m-1 Up", "BUY 9 @ 0.4  0.4 | 0.5  +1"),
        ),
        (
            '{"price_changes":[{"asset_id":"9","price":"0.4","size":"9","side":"BUY"}]}',
            ("token 9", "BUY 9 @ 0.4  None | None"),
        ),
        ('{"asset_id":"7","price":"0.4","size":"2","side":"SELL"}', ("btc-updown-5m-1 Up", "SELL 2 @ 0.4")),
        (
            '{"asset_id":"7","best_bid":"0.4","best_ask":"0.5","spread":"0.1"}',
            ("btc-updown-5m-1 Up", "0.4 | 0.5  spread 0.1"),
        ),
        (
            '{"asset_id":"7","old_tick_size":"0.01","new_tick_size":"0.001"}',
            ("btc-updown-5m-1 Up", "tick 0.01 -> 0.001"),
        ),
        ('{"slug":"s","question":"Up or down?"}', ("s", "Up or down?")),
        ('{"winning_outcome":"Up"}', ("", "Up")),
        ('[{"winning_outcome":"Up"}]', ("", "Up")),
        ("[{},{}]", ("", "2 messages in an array")),
        ("[]", ("", "0 messages in an array")),
        ("5", ("", "5")),
        ("PONG", ("", "PONG")),
    ],
)
def test_a_message_says_what_happened_to_which_market(payload: str, words: tuple[str, str]) -> None:
    assert describe_message(payload.encode(), TOKENS) == words


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"record_type": "session_opened", "tokens_tracked": TRACKED}, "2 tokens"),
        (
            {"record_type": "session_closed", "session_closed": {"reason": "cut", "messages": 3}},
            "cut after 3 messages",
        ),
        (
            {
                "record_type": "subscription_changed",
                "subscription_changed": {"subscribed": ["1"], "unsubscribed": []},
            },
            "+1 -0 tokens",
        ),
        ({"record_type": "gap", "gap": {"cause": "cut", "from_utc": "a", "to_utc": "b"}}, "cut from a to b"),
        (
            {
                "record_type": "rest_checkpoint",
                "response": {"status_code": 200, "elapsed_ms": 12.4},
                "tokens_tracked": TRACKED,
                "missing_token_ids": ["2"],
            },
            "200 in 12 ms, 1 of 2 books",
        ),
        (
            {"record_type": "rest_checkpoint", "response": None, "error": "timed out", "tokens_tracked": []},
            "no answer, 0 of 0 books: timed out",
        ),
    ],
)
def test_a_row_says_what_it_tells(row: dict[str, object], words: str) -> None:
    assert describe_row(row_of(msgspec.json.encode({"received_at_ns": 1, **row}))) == words


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["price_changes", "bids", "asks", "asset_id", "price", "best_bid", "new_tick_size"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(ANYTHING)
def test_no_message_is_too_odd(content: object) -> None:
    where, what = describe_message(msgspec.json.encode(content), TOKENS)
    assert isinstance(where, str)
    assert isinstance(what, str)


@given(st.binary(max_size=50))
def test_no_bytes_are_too_odd(payload: bytes) -> None:
    describe_message(payload, TOKENS)
