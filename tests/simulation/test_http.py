import json
import re

import pytest
import requests

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from tests.simulation.client import AGENT, current_markets, recipe, tokens_of


def get(url: str, **query: str) -> requests.Response:
    return requests.get(url, query, headers=AGENT, timeout=30)


def post_books(exchange: EmbeddedExchange, body: object) -> requests.Response:
    return requests.post(f"{exchange.urls.clob_url}/books", json=body, headers=AGENT, timeout=30)


def test_books_answers_known_tokens_and_leaves_the_others_out(exchange: EmbeddedExchange) -> None:
    tokens = tokens_of(current_markets(exchange.urls)[0])
    answer = post_books(exchange, [{"token_id": token} for token in [*tokens, "99"]])
    assert answer.status_code == 200
    books = answer.json()
    assert [book["asset_id"] for book in books] == tokens
    assert [recipe(book) for book in books] == [book["hash"] for book in books]
    assert books[0]["min_order_size"] == "5"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"token_id": "1"}, "Invalid payload"),
        ([], "Invalid payload"),
        ([{"token": "1"}], "Invalid payload"),
        ([{"token_id": "1"}] * 501, "Payload exceeds the limit"),
        ([{"token_id": "0xabc"}], "Invalid token id"),
    ],
)
def test_books_refuses_with_the_exchange_s_words(
    exchange: EmbeddedExchange, body: object, error: str
) -> None:
    answer = post_books(exchange, body)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_one_book_is_found_or_404(exchange: EmbeddedExchange) -> None:
    token = tokens_of(current_markets(exchange.urls)[0])[0]
    url = f"{exchange.urls.clob_url}/book"
    assert get(url, token_id=token).json()["asset_id"] == token
    missing = get(url, token_id="99")
    assert missing.status_code == 404
    assert missing.json() == {"error": "No orderbook exists for the requested token id"}
    assert get(url, token_id="x").status_code == 400


def test_a_library_s_own_user_agent_is_refused(exchange: EmbeddedExchange) -> None:
    answer = requests.get(f"{exchange.urls.gamma_url}/markets/keyset", timeout=30)
    assert (answer.status_code, answer.text) == (403, "error code: 1010")


def test_a_market_object_has_gamma_s_shape(exchange: EmbeddedExchange) -> None:
    market = current_markets(exchange.urls)[0]
    assert json.loads(market["outcomes"]) == ["Up", "Down"]
    assert len(tokens_of(market)) == 2
    assert market["eventStartTime"] < market["endDate"]
    assert market["createdAt"] < market["startDate"] < market["eventStartTime"]
    event = market["events"][0]
    assert event["seriesSlug"] == event["series"][0]["slug"]
    assert re.fullmatch("(btc|eth|sol)-up-or-down-(5|15)m", event["seriesSlug"])
    assert market["slug"].rpartition("-")[2].isdecimal()


def test_a_slug_is_answered_whatever_its_state_but_lists_hide_closed_ones(exchange: EmbeddedExchange) -> None:
    base = exchange.urls.gamma_url
    closed = get(f"{base}/markets/keyset", closed="true", limit="1").json()["markets"][0]
    assert closed["closedTime"].endswith("+00")
    assert sorted(json.loads(closed["outcomePrices"])) == ["0", "1"]
    slug = closed["slug"]
    assert get(f"{base}/markets/slug/{slug}").json()["slug"] == slug
    assert get(f"{base}/events/slug/{slug}").json()["markets"][0]["slug"] == slug
    assert get(f"{base}/markets", slug=slug).json() == []
    assert [one["slug"] for one in get(f"{base}/markets", slug=slug, closed="true").json()] == [slug]
    assert get(f"{base}/markets/slug/nothing").status_code == 404


def test_pages_follow_the_cursor_to_the_end(exchange: EmbeddedExchange) -> None:
    url = f"{exchange.urls.gamma_url}/events/keyset"
    query = {"closed": "false", "tag_slug": "bitcoin", "limit": "100"}
    slugs: list[str] = []
    while True:
        answer = get(url, **query)
        assert answer.headers["cache-control"] == "max-age=300"
        page = answer.json()
        slugs += [event["slug"] for event in page["events"]]
        if "next_cursor" not in page:
            break
        query["after_cursor"] = page["next_cursor"]
    assert len(slugs) == len(set(slugs)) > 300


def test_lists_filter_and_order(exchange: EmbeddedExchange) -> None:
    url = f"{exchange.urls.gamma_url}/markets/keyset"
    first = get(url, order="endDate", ascending="false", series_id="10192").json()["markets"]
    ends = [market["endDate"] for market in first]
    assert ends == sorted(ends, reverse=True)
    assert all(market["slug"].startswith("btc-updown-15m-") for market in first)
    assert get(url, tag_slug="no-such-tag").json()["markets"] == []
    assert get(url, active="false").json()["markets"] == []
    within = get(url, end_date_min=ends[-1], end_date_max=ends[0], series_id="10192", limit="100").json()
    assert len(within["markets"]) == len(ends)


@pytest.mark.parametrize("query", [{"limit": "many"}, {"after_cursor": "?"}, {"end_date_min": "soon"}])
def test_a_wrong_query_is_refused(exchange: EmbeddedExchange, query: dict[str, str]) -> None:
    assert get(f"{exchange.urls.gamma_url}/markets/keyset", **query).status_code == 422
    if "after_cursor" not in query:
        assert get(f"{exchange.urls.gamma_url}/markets", **query).status_code == 422
