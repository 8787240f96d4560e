import json

import pytest

from common.core.market import Market
from common.core.reference.sources import channels_at, coins_of, places_of, subscriptions


def market(slug: str, series: str = "") -> Market:
    return Market(slug, "0x1", series, "", "", ())


@pytest.mark.parametrize(
    ("slug", "series", "coin"),
    [
        ("btc-updown-5m-1766481600", "btc-up-or-down-5m", "btc"),
        ("xrp-updown-15m-1766481600", "", "xrp"),
        ("bitcoin-up-or-down-july-3-2026-4pm-et", "", "btc"),
        ("ethereum-up-or-down-on-july-3-2026", "", "eth"),
        ("hype-1", "hype-up-or-down-hourly", "hype"),
        ("who-wins-the-cup", "", None),
        ("up-or-down", "other-series", None),
    ],
)
def test_the_coin_of_a_market(slug: str, series: str, coin: str | None) -> None:
    assert coins_of([market(slug, series)]) == (() if coin is None else (coin,))


def test_coins_come_once_and_in_order() -> None:
    slugs = ("eth-updown-5m-1766481600", "btc-updown-5m-1766481600", "btc-updown-15m-1766481600")
    assert coins_of(market(slug) for slug in slugs) == ("btc", "eth")


def test_rtds_gets_a_frame_for_each_coin_with_one_symbol_in_each_filter() -> None:
    texts = subscriptions("rtds", ["btc", "eth"], ["chainlink", "twap_sixty"])
    asked = [json.loads(text)["subscriptions"] for text in texts]
    assert [[one["topic"] for one in each] for each in asked] == [
        ["crypto_prices_chainlink", "crypto_prices_twap_sixty"]
    ] * 2
    assert [{one["filters"] for one in each} for each in asked] == [
        {'{"symbol":"btc/usd"}'},
        {'{"symbol":"eth/usd"}'},
    ]


def test_binance_gets_all_streams_in_one_frame() -> None:
    [text] = subscriptions("binance", ["btc", "eth"], ["binance_trade"])
    assert json.loads(text)["params"] == ["btcusdt@trade", "ethusdt@trade"]
    assert subscriptions("binance", [], ["binance_trade"]) == []


def test_a_place_is_needed_for_its_channels_alone() -> None:
    assert places_of(["binance_quote"]) == ("binance",)
    assert places_of(["twap_sixty", "binance_trade"]) == ("rtds", "binance")
    assert channels_at("rtds", ["binance_trade", "twap_sixty"]) == ("twap_sixty",)
