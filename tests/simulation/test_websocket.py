import json
import time
from pathlib import Path

import pytest
import requests

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from tests.simulation.client import Client, Document, current_markets, tokens_of


def status(exchange: EmbeddedExchange) -> Document:
    found: Document = requests.get(f"{exchange.urls.clob_url}/simulation/status", timeout=30).json()
    return found


def test_the_opening_array_holds_a_book_for_each_known_token_and_ends_in_a_newline(
    exchange: EmbeddedExchange,
) -> None:
    tokens = tokens_of(current_markets(exchange.urls)[0])
    with Client(exchange.urls) as client:
        client.subscribe([*tokens, "1234567"])
        frame = client.receive()
    assert frame.endswith("]\n")
    assert [book["asset_id"] for book in json.loads(frame)] == tokens
    assert list(json.loads(frame)[0])[:4] == ["market", "asset_id", "timestamp", "hash"]


def test_an_opening_array_with_nothing_left_is_empty(exchange: EmbeddedExchange) -> None:
    with Client(exchange.urls) as client:
        client.subscribe(["1234567"])
        assert client.receive() == "[]\n"


@pytest.mark.parametrize(
    "first",
    [{"type": "market", "asset_ids": ["1"]}, {"type": "user", "assets_ids": ["1"]}],
)
def test_a_wrong_first_frame_is_accepted_and_then_silent(
    exchange: EmbeddedExchange, first: dict[str, object]
) -> None:
    with Client(exchange.urls) as client:
        client.send(first)
        client.send("PING")
        assert client.receive() == "PONG"


def test_nonsense_is_answered_in_words_and_the_connection_stays_open(exchange: EmbeddedExchange) -> None:
    with Client(exchange.urls) as client:
        for nonsense in (
            "hello",
            "[1]",
            '{"operation":"subscribe"}',
            '{"operation":"x","assets_ids":["1"]}',
            '{"type":"market","assets_ids":[""]}',
        ):
            client.send(nonsense)
            assert client.receive() == "INVALID OPERATION"
        client.subscribe([])
        client.subscribe([])
        assert client.receive() == "INVALID OPERATION"
        client.send("PING")
        assert client.receive() == "PONG"


def test_tokens_can_be_added_and_dropped_without_an_acknowledgement(exchange: EmbeddedExchange) -> None:
    one, other = (tokens_of(market) for market in current_markets(exchange.urls))
    with Client(exchange.urls) as client:
        client.subscribe(one, initial_dump=False)
        assert not client.receive().startswith("["), "no opening books were wanted"
        client.until('"price_changes"')
        client.send({"operation": "subscribe", "assets_ids": [one[0], *other]})
        opening = client.until("]\n")[-1]
        assert [book["asset_id"] for book in json.loads(opening)] == other
        client.send({"operation": "subscribe", "assets_ids": other})
        client.until("NO NEW ASSETS")
        client.send({"operation": "unsubscribe", "assets_ids": [*one, *other]})
        client.send("PING")
        client.until("PONG")
        client.send("PING")
        assert client.receive() == "PONG"


def test_only_flagged_connections_get_best_prices_and_new_markets(exchange: EmbeddedExchange) -> None:
    tokens = tokens_of(current_markets(exchange.urls)[0])
    with Client(exchange.urls) as plain, Client(exchange.urls) as flagged:
        plain.subscribe(tokens)
        flagged.subscribe(tokens, flag=True)
        flagged.until('"new_market"')
        flagged.until('"best_bid_ask"')
        plain.send("PING")
        seen = "".join(plain.until("PONG"))
    assert '"price_change"' in seen
    assert '"best_bid_ask"' not in seen
    assert '"new_market"' not in seen


def test_the_flag_counts_even_when_nothing_is_new(exchange: EmbeddedExchange) -> None:
    tokens = tokens_of(current_markets(exchange.urls)[0])
    with Client(exchange.urls) as client:
        client.subscribe(tokens)
        client.send({"operation": "subscribe", "assets_ids": tokens, "custom_feature_enabled": True})
        client.until("NO NEW ASSETS")
        client.until('"new_market"')


def test_no_tokens_and_the_flag_give_the_new_market_feed_alone(exchange: EmbeddedExchange) -> None:
    with Client(exchange.urls) as client:
        client.subscribe([], flag=True)
        assert {json.loads(client.receive())["event_type"] for _ in range(3)} == {"new_market"}


def test_both_legs_come_though_one_is_subscribed(exchange: EmbeddedExchange) -> None:
    one, other = tokens_of(current_markets(exchange.urls)[0])
    with Client(exchange.urls) as client:
        client.subscribe([one])
        assert [book["asset_id"] for book in json.loads(client.receive())] == [one]
        change = json.loads(client.until("price_changes")[-1])
        assert {entry["asset_id"] for entry in change["price_changes"]} == {one, other}
        assert json.loads(client.until('"last_trade_price"')[-1])["asset_id"] == one


def test_above_five_hundred_tokens_deltas_flow_and_the_opening_book_never_comes(
    exchange: EmbeddedExchange,
) -> None:
    markets = current_markets(exchange.urls, 97)
    known = [token for market in markets for token in tokens_of(market)]
    tokens = known + [str(number) for number in range(1, 502 - len(known))]
    with Client(exchange.urls) as client:
        client.subscribe(tokens)
        assert "price_changes" in client.until("price_changes")[-1]
        client.send("PING")
        assert not any(frame.endswith("]\n") for frame in client.until("PONG"))


def test_a_client_frame_that_is_not_text_is_ignored(exchange: EmbeddedExchange) -> None:
    with Client(exchange.urls) as client:
        client.socket.send_binary(b"PING")
        client.send("PING")
        assert client.receive() == "PONG"


def test_a_rate_beyond_the_machine_leaves_room_for_requests(tmp_path: Path) -> None:
    options = SimulationOptions(rate=1_000_000, send_buffer_bytes=1 << 40)
    with EmbeddedExchange(options, tmp_path) as exchange, Client(exchange.urls) as client:
        client.subscribe(tokens_of(current_markets(exchange.urls)[0]))
        while status(exchange)["frames_made"] < 2000:
            client.receive()


def test_an_idle_connection_is_cut_without_a_close_frame(tmp_path: Path) -> None:
    with (
        EmbeddedExchange(SimulationOptions(idle_cut_seconds=0.2), tmp_path) as exchange,
        Client(exchange.urls) as client,
    ):
        assert client.until_close() == ([], None)


def test_a_slow_consumer_is_ended(tmp_path: Path) -> None:
    options = SimulationOptions(rate=200, send_buffer_bytes=65_536)
    with EmbeddedExchange(options, tmp_path) as exchange, Client(exchange.urls) as client:
        client.subscribe(tokens_of(current_markets(exchange.urls)[0]))
        client.receive()
        exchange.fault("huge", bytes=20_000_000)
        while status(exchange)["connections"]:
            time.sleep(0.01)
        _, close = client.until_close()
    assert close is not None
    assert close[2:] == b"slow consumer: send buffer full"
    assert int.from_bytes(close[:2]) == 1013


def test_a_window_ends_with_empty_books_and_its_resolution_and_the_connection_is_closed(
    tmp_path: Path,
) -> None:
    with (
        EmbeddedExchange(SimulationOptions(window_seconds=2, rate=200), tmp_path) as exchange,
        Client(exchange.urls) as client,
    ):
        tokens = tokens_of(current_markets(exchange.urls)[0])
        client.subscribe(tokens, flag=True)
        frames = client.until('"market_resolved"')
        last = json.loads([frame for frame in frames if '"price_change"' in frame][-1])
        assert {entry["size"] for entry in last["price_changes"]} == {"0"}
        assert {(entry["best_bid"], entry["best_ask"]) for entry in last["price_changes"]} == {("0", "1")}
        assert json.loads(frames[-1])["winning_asset_id"] in tokens
        after, close = client.until_close()
        assert all(b'"new_market"' in frame for frame in after)
        assert close is not None
        assert close[2:] == b"all subscribed assets resolved"
