import json

import pytest

from common.core.discovery.wanted_markets import wanted_markets
from common.core.market import Token
from common.core.rows.rest import HttpAnswer
from common.polymarket.books import books_body, judge_books, portions, retry_after_s
from common.polymarket.market_channel import (
    hint_marks,
    holds_news,
    is_market_data,
    is_new_market_hint,
    is_refusal,
    resolved_tokens,
    subscribe_first,
    subscribe_more,
    unsubscribe,
)
from common.polymarket.user_agent import user_agent

LONG = "9" * 78
TOKENS = [Token("m", "0x1", token, "Up", "2026-01-01T00:00:00Z") for token in (LONG, "2", "3")]
IDS = (LONG, "2", "3")


def answer(body: object, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode(), 1.0)


def test_books_are_asked_for_by_token_id_as_text() -> None:
    assert json.loads(books_body(TOKENS)) == [{"token_id": token} for token in IDS]
    assert [list(part) for part in portions(TOKENS, 2)] == [TOKENS[:2], TOKENS[2:]]
    assert list(portions([], 2)) == []


def test_an_answer_in_any_order_is_complete() -> None:
    assert judge_books(answer([{"asset_id": each, "bids": []} for each in reversed(IDS)]), TOKENS) == (
        None,
        (),
    )


def test_books_that_were_not_asked_for_do_not_stand_in_for_missing_ones() -> None:
    assert judge_books(answer([{"asset_id": "7"}, {"asset_id": "2"}]), TOKENS) == (None, (LONG, "3"))
    assert judge_books(answer([]), TOKENS) == (None, IDS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Too Many Requests",
        b"\xff",
        {"error": "Too Many Requests"},
        [1],
        [{"asset_id": 2}],
        [{"bids": []}],
        None,
    ],
)
def test_a_200_that_holds_no_books_is_an_error_in_words(body: object) -> None:
    words, missing = judge_books(answer(body), TOKENS)
    assert words == "answered 200 with a body that is not an array of books"
    assert missing == IDS


def test_any_other_status_is_an_error_whatever_it_holds() -> None:
    assert judge_books(answer([{"asset_id": LONG}], 503), TOKENS) == ("answered HTTP 503", IDS)


def test_a_front_that_blocks_is_named() -> None:
    blocked = HttpAnswer(403, {"cf-ray": "8f-FRA"}, b"error code: 1010", 1.0)
    words, missing = judge_books(blocked, TOKENS)
    assert words is not None
    assert words.startswith("answered HTTP 403, blocked by Cloudflare (error code 1010, cf-ray 8f-FRA)")
    assert missing == IDS
    page = HttpAnswer(200, {"cf-ray": "9a-AMS"}, b"<title>Just a moment...</title>", 1.0)
    words, _ = judge_books(page, TOKENS)
    assert words is not None
    assert "not an array of books, blocked by Cloudflare (a challenge page, cf-ray 9a-AMS)" in words


@pytest.mark.parametrize(
    ("payload", "refusal"),
    [
        (b"INVALID OPERATION", True),
        (b"INVALID OPERATION\n", True),
        (b"INVALID MESSAGE", True),
        (b"NO NEW ASSETS", False),
        (b'{"question":"INVALID OPERATION"}', False),
    ],
)
def test_a_request_that_the_exchange_did_not_understand_is_found(payload: bytes, *, refusal: bool) -> None:
    assert is_refusal(payload) is refusal
    assert holds_news(b"PONG\n" + payload) or not refusal


def test_subscriptions_say_what_the_exchange_expects() -> None:
    assert json.loads(subscribe_first(IDS)) == {
        "assets_ids": list(IDS),
        "type": "market",
        "custom_feature_enabled": True,
    }
    assert json.loads(subscribe_more(["2"])) == {
        "operation": "subscribe",
        "assets_ids": ["2"],
        "custom_feature_enabled": True,
    }
    assert json.loads(unsubscribe(["2"])) == {"operation": "unsubscribe", "assets_ids": ["2"]}


@pytest.mark.parametrize(
    "payload",
    [
        b'{"market":"0x1","price_changes":[],"event_type":"price_change"}',
        b'[{"event_type" : "book"}]\n',
        b'[{"bids":[],"asks":[]}]',
        b'{"event_type":"best_bid_ask"}',
        b'{"event_type":"last_trade_price"}',
        b'{"event_type":"tick_size_change"}',
        b'{"event_type":"market_resolved"}',
        b'[{"event_type":"new_market"},{"event_type":"book","bids":[],"asks":[]}]',
    ],
)
def test_market_data_shows_that_a_connection_is_alive(payload: bytes) -> None:
    assert is_market_data(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"PONG",
        b"",
        b"[]\n",
        b"INVALID OPERATION",
        b"book",
        b'{"event_type":"new_market","slug":"btc"}',
        b'{"event_type":"new_market","description":"about a \\"book\\"","bids":[],"x":"book"}',
        b'[{"event_type":"new_market","tags":["book"]},{"event_type":"halt"}]',
        b"\xff\xfe",
    ],
)
def test_what_also_a_frozen_connection_gets_does_not(payload: bytes) -> None:
    assert not is_market_data(payload)


def test_the_recorder_introduces_itself_by_a_name_of_its_own() -> None:
    name = user_agent()
    assert name.startswith("orderbooks-ws-recorder/")
    assert not any(library in name.lower() for library in ("python", "requests", "urllib"))


@pytest.mark.parametrize(
    ("status", "header", "wait_s"),
    [(429, "7", 7.0), (503, "2", 2.0), (429, "99999", 300.0), (429, "soon", 0.0), (200, "7", 0.0)],
)
def test_the_exchange_is_left_alone_as_long_as_it_asks_within_reason(
    status: int, header: str, wait_s: float
) -> None:
    assert retry_after_s(HttpAnswer(status, {"retry-after": header}, b"", 1.0)) == wait_s
    assert retry_after_s(HttpAnswer(status, {}, b"", 1.0)) == 0.0


def test_settled_tokens_are_found_in_an_object_and_in_an_array() -> None:
    event = b'{"event_type":"market_resolved","assets_ids":["1","2"]}'
    assert resolved_tokens(event) == ("1", "2")
    assert resolved_tokens(b"[" + event + b',{"event_type":"book"}]') == ("1", "2")
    assert resolved_tokens(b'{"event_type":"market_resolved","assets_ids":3}') == ()
    assert resolved_tokens(b'{"event_type":"book"}') == ()


@pytest.mark.parametrize(
    ("announced", "hint"),
    [
        ({"slug": "btc-updown-5m-1795435800"}, True),
        ({"slug": "bitcoin-up-or-down-july-24-2026-8am-et"}, True),
        ({"slug": "eth-updown-5m-1795435800"}, False),
        ({"slug": "x", "tags": ["Politics"]}, True),
        ({"slug": "x", "tags": json.dumps(["politics"])}, True),
        ({"slug": "x", "tags": ["World Cup"]}, True),
        ({"slug": "x", "tags": ["politics-of-chess"]}, False),
        ({"slug": "x", "event_message": {"slug": "who-wins"}}, True),
        ({"slug": "who-wins-what"}, False),
    ],
)
def test_an_announcement_of_something_selected_is_a_hint(announced: dict[str, object], hint: bool) -> None:  # noqa: FBT001
    marks = hint_marks(wanted_markets(("btc-up-or-down-15m",), ("politics", "world-cup"), ("who-wins",), ()))
    payload = json.dumps({"event_type": "new_market", **announced}).encode()
    assert is_new_market_hint(payload, marks) is hint
    assert not is_new_market_hint(payload.replace(b"new_market", b"book"), marks)
