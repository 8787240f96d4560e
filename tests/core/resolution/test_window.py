from decimal import Decimal

import msgspec

from common.core.instants import NS_PER_SECOND
from common.core.resolution.answers import Told
from common.core.resolution.settlement import points
from common.core.resolution.window import NO_PRICES, Path, WindowFacts, path_of, with_prices, with_tellings

S = NS_PER_SECOND
START, END = 1_900_000_800 * S, 1_900_001_100 * S
WINDOW = WindowFacts(
    market_slug="btc-updown-5m-1900000800",
    condition_id="0x1",
    series="btc-up-or-down-5m",
    start_ns=START,
    end_ns=END,
    outcomes=("Up", "Down"),
)
UP, DOWN = Told("Up", "CHAINLINK", "noon"), Told("Down")


def path(**prices: str) -> Path | None:
    """Averages at the boundaries, and one in between."""
    at = {"start": START, "middle": START + 100 * S, "end": END}
    return path_of(points((at[name], Decimal(value), True) for name, value in prices.items()))


def test_a_window_knows_the_coin_that_it_is_about() -> None:
    assert WINDOW.coin == "btc"


def test_what_all_sources_told_last_is_the_winner() -> None:
    found = with_tellings(WINDOW, {"gamma": [DOWN, UP], "data_api": [UP], "websocket": []})
    assert (found.winner, found.told) == ("Up", {"gamma": "Up", "data_api": "Up"})
    assert found.corrected
    assert (found.reporter, found.resolved_at) == ("CHAINLINK", "noon")
    assert found.findings == ()


def test_an_outcome_that_was_taken_back_is_none() -> None:
    found = with_tellings(WINDOW, {"gamma": [UP, Told("")]})
    assert (found.winner, found.told, found.corrected) == ("", {}, True)


def test_every_teller_that_the_prices_contradict_is_a_finding() -> None:
    told = with_tellings(WINDOW, {"gamma": [UP], "data_api": [DOWN]})
    found = with_prices(told, path(start="100", middle="120.5", end="99.999"))
    assert found.recomputed == "Down"
    assert found.findings == (
        "the sources disagree: data_api says Down, gamma says Up",
        "gamma says Up, and the prices give Down",
    )
    assert (found.strike, found.final, found.lowest, found.highest) == ("100", "99.999", "99.999", "120.5")
    assert found.prices == 3


def test_a_strike_that_the_exchange_told_is_shown_and_used_where_its_price_was_not_recorded() -> None:
    told = msgspec.structs.replace(WINDOW, strike="100.5")
    found = with_prices(told, path(middle="99", end="100.4"))
    assert (found.strike, found.strike_source, found.recomputed) == ("100.5", "exchange", "Down")
    both = with_prices(told, path(start="100", end="100.4"))
    assert (both.strike, both.strike_source, both.recomputed) == ("100.5", "exchange", "Up")


def test_without_prices_nothing_is_recomputed_and_nothing_contradicted() -> None:
    found = with_prices(with_tellings(WINDOW, {"gamma": [UP]}), None)
    assert (found.winner, found.recomputed) == ("Up", "")
    assert found.not_recomputed == f"at the beginning: {NO_PRICES}"
    assert found.findings == ()
