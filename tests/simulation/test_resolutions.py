import json
from typing import Any

import pytest

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.faults.catalogue import parse_fault
from common.simulation.markets.listing import Listing
from common.simulation.markets.model import MarketModel
from common.simulation.resolutions import Resolutions
from tests.simulation.test_http import get


def ended(now_s: float = 1_900_000_000.0) -> tuple[MarketModel, Listing, float]:
    """A model, a window of it that has ended, and the instant from which it is resolved."""
    model = MarketModel(1, 300, int(now_s * 1000))
    listing = next(each for each in model.calendar.by_slug.values() if each.closed < now_s)
    return model, listing, listing.closed


def told(model: MarketModel, listing: Listing, at_s: float, *faults: str) -> tuple[int | None, int | None]:
    """What Gamma and the data API say at an instant while these faults are on."""
    model.set_shapes([parse_fault("resolution", words.split()) for words in faults])
    gamma = model.told_winner("gamma", listing, at_s)
    return gamma, model.told_winner("data", listing, at_s)


def test_both_tell_the_winner_from_the_same_instant_on() -> None:
    model, listing, closed_s = ended()
    winner = model.winner(listing)
    assert told(model, listing, closed_s - 1) == (None, None)
    assert told(model, listing, closed_s) == (winner, winner)


@pytest.mark.parametrize(
    ("fault", "after_s", "said"),
    [
        ("kind=never", 1e9, ("", "")),
        ("kind=late delay_seconds=60", 59, ("", "")),
        ("kind=late delay_seconds=60", 60, ("right", "right")),
        ("kind=corrected delay_seconds=60", 59, ("wrong", "wrong")),
        ("kind=corrected delay_seconds=60", 60, ("right", "right")),
        ("kind=disagree", 0, ("right", "wrong")),
        ("kind=forged", 0, ("wrong", "wrong")),
        ("kind=forged slug=another", 0, ("right", "right")),
    ],
)
def test_faults_change_who_says_what_and_when(fault: str, after_s: float, said: tuple[str, str]) -> None:
    model, listing, closed_s = ended()
    winner = model.winner(listing)
    outcomes = {"": None, "right": winner, "wrong": 1 - winner}
    assert told(model, listing, closed_s + after_s, fault) == (outcomes[said[0]], outcomes[said[1]])
    assert told(model, listing, closed_s) == (winner, winner), "they end with the fault"


def test_a_fault_that_is_about_something_else_changes_nothing() -> None:
    resolutions = Resolutions()
    _, listing, closed_s = ended()
    resolutions.set([parse_fault("gamma", ["kind=empty"])])
    assert resolutions.told("data", listing, 1, closed_s) == 1


def closed_market(exchange: EmbeddedExchange) -> dict[str, Any]:
    url = f"{exchange.urls.gamma_url}/markets/keyset"
    markets: list[dict[str, Any]] = get(url, closed="true", limit="1").json()["markets"]
    return markets[0]


def test_the_data_api_answers_rows_of_resolved_conditions_alone(exchange: EmbeddedExchange) -> None:
    url = f"{exchange.urls.data_url}/v2/resolutions"
    market = closed_market(exchange)
    condition = market["conditionId"].ljust(66, "0")
    answer = get(url, condition=f"{condition},0x{'ab' * 32}").json()
    [row] = answer["data"]
    winner = json.loads(market["outcomePrices"]).index("1")
    assert row["condition_id"] == condition
    assert row["payouts"][winner] == 1_000_000
    assert (row["status"], row["reporter"]) == ("resolved", "CHAINLINK")
    assert get(url, condition="0x" + "ab" * 32).json() == {"data": []}


@pytest.mark.parametrize("condition", ["", "0x" + "ab" * 31, ",".join(["0x" + "ab" * 32] * 21), "abc"])
def test_the_data_api_refuses_what_it_does_not_understand(exchange: EmbeddedExchange, condition: str) -> None:
    assert get(f"{exchange.urls.data_url}/v2/resolutions", condition=condition).status_code == 400


def test_gamma_and_the_data_api_go_wrong_apart(breakable: EmbeddedExchange) -> None:
    market = closed_market(breakable)
    condition = market["conditionId"].ljust(66, "0")
    url = f"{breakable.urls.data_url}/v2/resolutions"
    breakable.fault("data", kind="status", status=425, count=1)
    assert get(url, condition=condition).status_code == 425
    assert get(url, condition=condition).status_code == 200
    breakable.fault("resolution", kind="never")
    assert get(url, condition=condition).json() == {"data": []}
    shown = get(f"{breakable.urls.gamma_url}/markets/slug/{market['slug']}").json()
    assert shown["closed"] is False
