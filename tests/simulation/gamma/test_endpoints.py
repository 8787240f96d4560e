"""Gamma's lists over HTTP: filters, pages, series, search."""

from typing import Any

import pytest
import requests

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.gamma.endpoints import Gamma
from common.simulation.gamma.query import QueryError
from common.simulation.markets.model import MarketModel
from tests.simulation.client import AGENT, current_markets
from tests.simulation.markets.test_model import NOW_MS

OVERDUE = "will-the-new-government-be-sworn-in"
MATCH = "bkcl-zal-par"


def listed(exchange: EmbeddedExchange, kind: str, **query: object) -> list[dict[str, Any]]:
    """Every object of a list, page by page."""
    found: list[dict[str, Any]] = []
    url = f"{exchange.urls.gamma_url}/{kind}/keyset"
    while True:
        answer = requests.get(url, query, headers=AGENT, timeout=30)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page[kind]
        if "next_cursor" not in page:
            return found
        query["after_cursor"] = page["next_cursor"]


def slugs(objects: list[dict[str, Any]]) -> set[str]:
    return {one["slug"] for one in objects}


def test_six_series_are_listed_under_their_ids_and_tags(exchange: EmbeddedExchange) -> None:
    answer = requests.get(f"{exchange.urls.gamma_url}/series", headers=AGENT, timeout=30).json()
    assert len(answer) == 6
    for series in answer:
        coin = series["slug"].partition("-")[0]
        found = listed(exchange, "events", series_id=series["id"], closed="false", limit=100)
        assert {event["seriesSlug"] for event in found} == {series["slug"]}
        name = {"btc": "bitcoin", "eth": "ethereum", "sol": "solana"}[coin]
        assert {name, "up-or-down"} <= {tag["slug"] for tag in found[0]["tags"]}
    one = {"slug": "eth-up-or-down-5m"}
    [only] = requests.get(f"{exchange.urls.gamma_url}/series", one, headers=AGENT, timeout=30).json()
    assert (only["title"], only["recurrence"]) == ("ETH Up or Down 5m", "5m")
    nothing = {"slug": "eth-up-or-down"}
    assert requests.get(f"{exchange.urls.gamma_url}/series", nothing, headers=AGENT, timeout=30).json() == []


def test_tags_of_the_event_find_its_markets(exchange: EmbeddedExchange) -> None:
    assert slugs(listed(exchange, "events", tag_slug="sports")) == {"cup-winner", MATCH}
    assert len(listed(exchange, "markets", tag_slug="sports", limit=7)) == 21
    assert slugs(listed(exchange, "markets", tag_slug="politics")) == {OVERDUE}
    crypto = listed(exchange, "markets", tag_slug="crypto", limit=100)
    assert {one["slug"].partition("-")[0] for one in crypto} == {"eth", "sol"}


def test_several_slugs_and_condition_ids_are_asked_for_at_once(exchange: EmbeddedExchange) -> None:
    wanted = [market["slug"] for market in current_markets(exchange.urls)]
    found = listed(exchange, "markets", slug=[*wanted, OVERDUE, "nothing"])
    assert slugs(found) == {*wanted, OVERDUE}
    conditions = [market["conditionId"] for market in found]
    assert slugs(listed(exchange, "markets", condition_ids=conditions)) == slugs(found)
    assert slugs(listed(exchange, "events", slug=["cup-winner", wanted[0]])) == {"cup-winner", wanted[0]}
    assert listed(exchange, "events", slug="will-team-1-win-the-cup") == []


def test_more_than_a_hundred_condition_ids_are_refused() -> None:
    gamma = Gamma(MarketModel(1, 300, NOW_MS), NOW_MS / 1000)
    conditions = [f"0x{number:064x}" for number in range(101)]
    assert gamma.page("markets", {"condition_ids": conditions[:100]}) == {"markets": []}
    with pytest.raises(QueryError):
        gamma.page("markets", {"condition_ids": conditions})


def test_a_filter_by_date_leaves_out_what_has_no_date(exchange: EmbeddedExchange) -> None:
    sports = listed(exchange, "markets", tag_slug="sports", end_date_min="2020-01-01T00:00:00Z")
    assert MATCH not in slugs(sports)
    assert len(sports) == 20
    past = listed(exchange, "markets", end_date_max="2100-01-01T00:00:00Z", tag_slug="politics")
    assert slugs(past) == {OVERDUE}
    assert listed(exchange, "markets", end_date_min="2100-01-01T00:00:00Z") == []


@pytest.mark.parametrize(("ascending", "place"), [("true", -1), ("false", 0)])
def test_an_order_by_date_has_no_date_as_its_latest(
    exchange: EmbeddedExchange, ascending: str, place: int
) -> None:
    found = listed(exchange, "markets", tag_slug="sports", order="endDate", ascending=ascending)
    assert found[place]["slug"] == MATCH


def test_unknown_names_are_ignored_another_cursor_s_too(exchange: EmbeddedExchange) -> None:
    url = f"{exchange.urls.gamma_url}/markets/keyset"
    query = {"tag_slug": "sports", "limit": "5", "order": "endDate"}
    first = requests.get(url, query, headers=AGENT, timeout=30).json()
    again = {**query, "next_cursor": first["next_cursor"], "version": "v2", "cursor": first["next_cursor"]}
    assert slugs(requests.get(url, again, headers=AGENT, timeout=30).json()["markets"]) == slugs(
        first["markets"]
    )


def test_a_search_finds_open_events_by_words_of_their_title(exchange: EmbeddedExchange) -> None:
    url = f"{exchange.urls.gamma_url}/public-search"
    answer = requests.get(url, {"q": "cup Winner"}, headers=AGENT, timeout=30).json()
    [event] = answer["events"]
    assert (event["slug"], len(event["markets"])) == ("cup-winner", 20)
    many = requests.get(url, {"q": "ethereum", "limit_per_type": "3"}, headers=AGENT, timeout=30).json()
    assert [len(many["events"]), many["pagination"]["hasMore"]] == [3, True]
    assert requests.get(url, {"q": "zebra"}, headers=AGENT, timeout=30).json()["events"] == []
    assert requests.get(url, headers=AGENT, timeout=30).status_code == 422


def test_an_event_is_found_by_its_slug_and_a_list_by_default_is_of_open_ones(
    exchange: EmbeddedExchange,
) -> None:
    base = exchange.urls.gamma_url
    event = requests.get(f"{base}/events/slug/cup-winner", headers=AGENT, timeout=30).json()
    assert len(event["markets"]) == 20
    [market] = requests.get(f"{base}/markets", {"slug": OVERDUE}, headers=AGENT, timeout=30).json()
    assert market["events"][0]["slug"] == OVERDUE
    assert (
        requests.get(f"{base}/events/slug/will-team-1-win-the-cup", headers=AGENT, timeout=30).status_code
        == 404
    )
    [listing] = requests.get(f"{base}/events", {"slug": "cup-winner"}, headers=AGENT, timeout=30).json()
    assert listing["title"] == "Cup Winner"
