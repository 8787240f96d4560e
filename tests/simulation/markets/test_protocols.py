import json
from itertools import pairwise

import pytest
import requests

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.faults.mutations import Document
from common.simulation.gamma.objects import GammaObjects
from common.simulation.markets.frames import opening_book, refresh
from common.simulation.markets.listing import Listing, Protocols
from common.simulation.markets.model import MarketModel
from tests.simulation.client import Client
from tests.simulation.markets.test_model import NOW_MS, current, rebuild, run

NOW_S = NOW_MS // 1000


def windows(model: MarketModel, series: str) -> list[Listing]:
    listed = [one for one in model.calendar.by_slug.values() if one.slug.startswith(series)]
    return sorted(listed, key=lambda one: one.start or 0)


def objects(protocols: Protocols = "mixed") -> list[tuple[Listing, Document]]:
    model = MarketModel(1, 300, NOW_MS, protocols=protocols)
    shown = GammaObjects(model)
    return [(one, shown.market(one, NOW_S)) for one in model.calendar.by_slug.values()]


@pytest.mark.parametrize("coin", ["btc", "eth", "sol"])
def test_each_roll_brings_the_other_protocol(coin: str) -> None:
    for series in (f"{coin}-updown-5m", f"{coin}-updown-15m"):
        row = windows(MarketModel(1, 300, NOW_MS), series)
        assert len(row) > 90
        assert all(one.protocol != after.protocol for one, after in pairwise(row))


def test_at_most_moments_the_current_windows_of_a_coin_are_of_both_protocols() -> None:
    model = MarketModel(1, 300, NOW_MS)
    rows = windows(model, "btc-")
    moments = range(NOW_S, NOW_S + 3600, 60)
    live = [
        {one.protocol for one in rows if one.window and one.window[0] <= at < one.window[1]} for at in moments
    ]
    assert sum(len(protocols) == 2 for protocols in live) > 0.6 * len(live)


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_one_protocol_can_be_had_alone(protocol: Protocols) -> None:
    assert {shown["version"] for _, shown in objects(protocol)} == {protocol}


def test_a_v1_market_has_its_ids_as_json_text_and_nothing_of_v2() -> None:
    for listing, shown in objects("v1"):
        assert tuple(json.loads(shown["clobTokenIds"])) == listing.token_ids
        assert "positionIds" not in shown
        assert "resolutionStatus" not in shown
        assert shown["conditionId"] == listing.condition_id
        assert len(shown["conditionId"]) == 66


def test_a_v2_market_has_a_real_array_of_75_digits_and_a_shorter_condition_id() -> None:
    for listing, shown in objects("v2"):
        assert isinstance(shown["positionIds"], list)
        assert [len(one) for one in shown["positionIds"]] == [75, 75]
        assert isinstance(shown["outcomes"], str)
        assert len(shown["conditionId"]) == 64
        assert shown["conditionId"] + "00" == listing.condition_id
        assert "umaResolutionStatus" not in shown
        closed = shown["closed"]
        assert shown["resolutionStatus"] == ("resolved" if closed else "active")


def test_the_v1_ids_of_a_v2_market_are_null_or_have_no_book() -> None:
    model = MarketModel(1, 300, NOW_MS, protocols="v2")
    beside = [shown["clobTokenIds"] for _, shown in objects("v2")]
    filled = [token_id for text in beside if text is not None for token_id in json.loads(text)]
    assert 0.3 < sum(text is None for text in beside) / len(beside) < 0.7
    assert all(model.market(token_id, NOW_MS) is None for token_id in filled)


def test_every_hash_of_a_v2_market_recomputes_with_its_version() -> None:
    model = MarketModel(7, 20, NOW_MS, protocols="v2")
    market = current(model)
    opening = f"[{opening_book(market.book, 0)},{opening_book(market.book, 1)}]"
    books = rebuild(opening, list(run(model, market, 30, step_ms=10)))
    assert books.failures == []
    assert books.checked > 500


def test_a_v2_book_says_its_version_last_and_a_v1_book_says_none() -> None:
    for protocols in ("v1", "v2"):
        book = current(MarketModel(7, 20, NOW_MS, protocols=protocols)).book
        for text in (opening_book(book, 0), refresh(book, 0).text, book.body(0, book.hash(0))):
            shown = json.loads(text)
            assert ("version" in shown) == (protocols == "v2")
            assert protocols == "v1" or list(shown)[-1] == "version"


def test_every_answer_says_that_no_market_is_behind_it(exchange: EmbeddedExchange) -> None:
    base = exchange.urls.gamma_url
    for path in ("/markets/keyset", "/book", "/nowhere"):
        assert requests.get(f"{base}{path}", timeout=30).headers["x-exchange"] == "simulated"
    with Client(exchange.urls) as client:
        assert client.socket.headers["x-exchange"] == "simulated"
