from common.core.audit.heard import Heard
from common.core.audit.observed import PERIOD_NS, Observed
from common.core.events.market_events import LastTrade, LevelChange, PriceChange

MS = 1_000_000
BEGIN_MS = 10**12
CHANGE = (LevelChange("7", "0.4", "1", "BUY"),)


def heard(at_ms: int, reader: str = "ws_reader-0a") -> Heard:
    return Heard(reader, "s", 1, (BEGIN_MS + at_ms) * MS)


def change(at_ms: int, market: str = "0xab") -> PriceChange:
    return PriceChange(market, BEGIN_MS + at_ms, CHANGE)


def trade(at_ms: int, size: str, token_id: str = "7") -> LastTrade:
    return LastTrade("0xab", token_id, BEGIN_MS + at_ms, "0.4", size, "SELL")


def rates_of(observed: Observed) -> list[float] | None:
    return None if observed.rates is None else sorted(observed.rates.values())


def test_rates_are_those_of_the_last_whole_period_over_the_leg_that_received_more() -> None:
    observed = Observed()
    for at_ms in range(0, PERIOD_NS // MS, 100):
        observed.message(heard(at_ms), [change(at_ms), change(at_ms, "0xcd")])
        if at_ms % 200 == 0:
            observed.message(heard(at_ms, "ws_reader-0b"), [change(at_ms)])
    assert rates_of(observed) is None
    observed.message(heard(PERIOD_NS // MS), [change(0)])
    assert rates_of(observed) == [10.0, 10.0]
    observed.message(heard(3 * PERIOD_NS // MS), [change(0)])
    assert rates_of(observed) == [0.1]


def test_a_market_is_the_same_however_its_id_is_written() -> None:
    observed = Observed()
    observed.message(heard(0), [change(0, "0xAB")])
    observed.message(heard(0), [change(0, "0xab00")])
    observed.message(heard(PERIOD_NS // MS), [])
    assert list(observed.rates or {}) == ["0xab" + "0" * 62]


def test_lags_are_by_leg_from_the_exchange_s_time_to_the_receipt() -> None:
    observed = Observed()
    for late_ms in range(1, 101):
        observed.message(heard(late_ms), [change(0)])
    observed.message(heard(7, "ws_reader-0b"), [trade(0, "3")])
    lags = observed.lags()
    assert (lags["a"].messages, lags["a"].p50_ms, lags["a"].p99_ms) == (100, 50.0, 99.0)
    assert (lags["b"].messages, lags["b"].p50_ms, lags["b"].p99_ms) == (1, 7.0, 7.0)


def test_trades_are_those_of_one_token_over_one_connection_the_newest_first() -> None:
    observed = Observed()
    observed.message(heard(1), [trade(0, "1"), trade(0, "9", "8")])
    observed.message(heard(2, "ws_reader-0b"), [trade(0, "1")])
    observed.message(heard(3), [trade(0, "2")])
    assert [each.size for each in observed.trades("ws_reader-0a", "7")] == ["2", "1"]
