from decimal import Decimal

import pytest

from common.core.reference.frames import ReferencePrice, coin_of, read_frame

TWAP = (
    b'{"topic":"crypto_prices_twap_sixty","type":"update","timestamp":1796127900123,"payload":{"symbol":"btc/usd",'
    b'"timestamp":1796127900000,"value":65012.12345678,"full_accuracy_value":"65012123456789012345678","window_s":60}}'
)
TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1796127900001,"s":"BTCUSDT","t":77,"p":"65012.10000000",'
    b'"q":"0.001","T":1796127900000,"m":true,"M":true}}'
)
QUOTE = b'{"stream":"ethusdt@bookTicker","data":{"u":9,"s":"ETHUSDT","b":"3200.10","B":"1","a":"3200.15","A":"2"}}'


def test_the_average_that_settles_is_exact_to_its_last_digit() -> None:
    frame = read_frame(TWAP)
    value = Decimal("65012.123456789012345678")
    assert frame.kind == "crypto_prices_twap_sixty"
    assert frame.prices == (ReferencePrice("twap_sixty", "btc", "btc/usd", value, 1_796_127_900_000_000_000),)


def test_a_price_without_its_full_accuracy_has_the_digits_of_the_frame() -> None:
    text = b'{"topic":"crypto_prices_chainlink","payload":{"symbol":"sol/usd","timestamp":5,"value":140.1000000001}}'
    [price] = read_frame(text).prices
    assert (price.channel, price.coin, str(price.value)) == ("chainlink", "sol", "140.1000000001")


def test_a_list_of_earlier_prices_is_read_in_its_order() -> None:
    text = (
        b'{"topic":"crypto_prices_chainlink","type":"subscribe","payload":{"symbol":"btc/usd","data":'
        b'[{"timestamp":1,"value":1.5},{"timestamp":2,"value":2.5}]}}'
    )
    assert [(price.at_ns, str(price.value)) for price in read_frame(text).prices] == [
        (1_000_000, "1.5"),
        (2_000_000, "2.5"),
    ]


def test_a_trade_and_a_quote_of_binance() -> None:
    [trade], [quote] = read_frame(TRADE).prices, read_frame(QUOTE).prices
    assert (trade.channel, trade.coin, str(trade.value)) == ("binance_trade", "btc", "65012.10000000")
    assert (trade.at_ns, trade.number) == (1_796_127_900_000_000_000, 77)
    assert (quote.coin, quote.value, quote.at_ns, quote.number) == ("eth", Decimal("3200.125"), None, 9)
    assert (quote.bid, quote.ask) == (Decimal("3200.10"), Decimal("3200.15"))


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"PONG", "PONG"),
        (b"", "empty"),
        (b"\xff\xfe", "not_utf8"),
        (b'{"topic":', "not_json"),
        (b"[1,2]", "unknown:shape"),
        (b"{}", "unknown:no_topic"),
        (b'{"topic":"comments","payload":{}}', "unknown:comments"),
        (b'{"stream":"btcusdt@depth","data":{}}', "unknown:btcusdt@depth"),
        (b'{"result":null,"id":1}', "answered"),
        (b'{"error":{"code":2,"msg":"Invalid request"}}', "refused"),
        (b'{"body":{"message":"invalid request"},"statusCode":400}', "refused"),
        (b'{"message":"Internal server error","connectionId":"x"}', "refused"),
        (TWAP.replace(b'"65012123456789012345678"', b'"NaN"'), "unknown:crypto_prices_twap_sixty"),
        (TRADE.replace(b'"65012.10000000"', b'"Infinity"'), "unknown:btcusdt@trade"),
        (b"[" * 100_000, "not_json"),
    ],
)
def test_what_holds_no_price_has_a_kind_alone(payload: bytes, kind: str) -> None:
    frame = read_frame(payload)
    assert (frame.kind, frame.prices) == (kind, ())
    assert bool(frame.refusal) == (kind == "refused")


@pytest.mark.parametrize(
    ("symbol", "coin"),
    [("btc/usd", "btc"), ("BTCUSDT", "btc"), ("dogeusdt", "doge"), ("usd", "usd"), ("ethbtc", "ethbtc")],
)
def test_the_coin_of_a_symbol(symbol: str, coin: str) -> None:
    assert coin_of(symbol) == coin
