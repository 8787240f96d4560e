"""The embedded exchange's reference prices, over the wire and against the outcomes of its windows."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal

import pytest
import websocket

from common.core.reference.frames import ReferenceFrame, read_frame
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.markets.model import MarketModel
from common.simulation.markets.wander import UNITS

NOW_MS = 1_766_481_600_000  # on the border of a window


@contextmanager
def rtds(exchange: EmbeddedExchange, *topics: str) -> Iterator[websocket.WebSocket]:
    with closing(websocket.create_connection(exchange.urls.rtds_url, timeout=30)) as socket:
        for topic in topics:
            subscribe(socket, topic)
        yield socket


def subscribe(socket: websocket.WebSocket, topic: str, symbol: str = "btc/usd") -> None:
    wanted = {"topic": topic, "type": "*", "filters": json.dumps({"symbol": symbol}, separators=(",", ":"))}
    socket.send(json.dumps({"action": "subscribe", "subscriptions": [wanted]}))


def received(socket: websocket.WebSocket) -> ReferenceFrame:
    return read_frame(str(socket.recv()).encode())


def answers_until_pong(socket: websocket.WebSocket) -> list[str]:
    kinds = [received(socket).kind]
    while kinds[-1] != "PONG":
        kinds.append(received(socket).kind)
    return kinds


@pytest.mark.parametrize("base_seconds", [10, 60])
def test_a_window_goes_up_exactly_where_its_average_did_not_fall(base_seconds: int) -> None:
    model = MarketModel(7, base_seconds, NOW_MS)
    averages: dict[tuple[str, int], int] = {}
    for now_ms in range(NOW_MS, NOW_MS + 25 * base_seconds * 1000, 1000):
        model.walk(now_ms)
        for coin in ("btc", "eth", "sol"):
            wander = model.prices(coin)
            assert wander is not None
            averages.update({(coin, each.at_ms // 1000): each.average for each in list(wander.seconds)[-2:]})
    judged = []
    for listing in model.calendar.by_slug.values():
        if listing.window is None or listing.event.series is None:
            continue
        begun, over = ((listing.event.series.coin, at) for at in listing.window)
        if begun in averages and over in averages:
            judged.append(model.winner(listing))
            assert judged[-1] == int(averages[over] < averages[begun]), listing.slug
    assert set(judged) == {0, 1}


def test_rtds_tells_each_second_once_with_the_average_in_full(exchange: EmbeddedExchange) -> None:
    with rtds(exchange, "crypto_prices_chainlink", "crypto_prices_twap_sixty") as socket:
        frames = [received(socket) for _ in range(6)]
    prices = [price for frame in frames for price in frame.prices]
    for channel in ("chainlink", "twap_sixty"):
        seconds = [(price.at_ns or 0) // 10**9 for price in prices if price.channel == channel]
        assert seconds == list(range(seconds[0], seconds[0] + 3))
    assert {price.coin for price in prices} == {"btc"}
    assert all(price.value * UNITS == int(price.value * UNITS) for price in prices)


def test_binance_takes_a_subscription_and_tells_trades_and_quotes(exchange: EmbeddedExchange) -> None:
    with closing(websocket.create_connection(exchange.urls.binance_url, timeout=30)) as socket:
        asked = {"method": "SUBSCRIBE", "params": ["ethusdt@trade", "ethusdt@bookTicker"], "id": 1}
        socket.send(json.dumps(asked))
        assert received(socket).kind == "answered"
        [trade], [quote] = received(socket).prices, received(socket).prices
    assert (trade.channel, quote.channel, trade.coin) == ("binance_trade", "binance_quote", "eth")
    assert quote.bid is not None
    assert quote.bid < trade.value == quote.value
    assert Decimal(1000) < trade.value < Decimal(10_000)


@pytest.mark.parametrize("symbol", ["btc/usd,eth/usd", "btcusdt"])
def test_a_filter_with_a_list_or_another_symbol_is_refused(exchange: EmbeddedExchange, symbol: str) -> None:
    with rtds(exchange) as socket:
        subscribe(socket, "crypto_prices_chainlink", symbol)
        assert received(socket).kind == "refused"


def test_a_connection_that_is_forgotten_still_answers_pings_and_refuses_to_subscribe(
    breakable: EmbeddedExchange,
) -> None:
    with rtds(breakable, "crypto_prices_twap_sixty") as socket:
        assert received(socket).prices
        breakable.fault("reference", kind="frozen", token="rtds", count="1")
        kinds: list[str] = []
        while "refused" not in kinds:  # the fault comes with the next look at the connection
            subscribe(socket, "crypto_prices_twap_sixty")
            socket.send("PING")
            kinds = answers_until_pong(socket)
        socket.send("PING")
        assert answers_until_pong(socket) == ["PONG"]
    with rtds(breakable, "crypto_prices_twap_sixty") as socket:
        assert received(socket).prices


def test_frames_come_twice_and_out_of_order_when_told_so(breakable: EmbeddedExchange) -> None:
    with rtds(breakable, "crypto_prices_chainlink") as socket:
        breakable.fault("reference", kind="doubled", count="1")
        first, second = received(socket).prices, received(socket).prices
        if first != second:  # the fault came after a frame
            first, second = second, received(socket).prices
        assert first == second
        breakable.fault("reference", kind="disordered", count="1")
        times = [received(socket).prices[0].at_ns or 0 for _ in range(4)]
    assert sorted(times) != times
