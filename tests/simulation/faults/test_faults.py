import base64
import json
import time

import pytest
import requests
import websocket

from common.errors import ConfigError, ExchangeError
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.faults.active import Faults
from common.simulation.faults.catalogue import Fault, parse_fault
from tests.simulation.client import AGENT, Client, condition_of, current_markets, recipe, tokens_of
from tests.simulation.test_http import get, post_books


def subscribed(exchange: EmbeddedExchange, *, markets: int = 1) -> Client:
    client = Client(exchange.urls)
    client.subscribe([token for one in current_markets(exchange.urls, markets) for token in tokens_of(one)])
    client.receive()
    return client


def test_cut_drops_the_connection_without_a_close_frame(breakable: EmbeddedExchange) -> None:
    with subscribed(breakable) as client, subscribed(breakable) as other:
        breakable.fault("cut", connection=client.number)
        assert client.until_close()[1] is None
        other.until("price_changes")


@pytest.mark.parametrize("how", ["mid_frame", "reset"])
def test_cut_comes_in_mid_frame_or_as_a_reset(breakable: EmbeddedExchange, how: str) -> None:
    with subscribed(breakable) as client:
        breakable.fault("cut", connection=client.number, **{how: True})
        assert client.until_close()[1] is None


def test_a_fault_reaches_the_exchange_whatever_proxy_the_environment_names(
    breakable: EmbeddedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subscribed(breakable) as client:
        for variable in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(variable, "http://127.0.0.1:1")
        breakable.fault("cut", connection=client.number)
        assert client.until_close()[1] is None


def test_close_gives_code_and_reason(breakable: EmbeddedExchange) -> None:
    with subscribed(breakable) as client:
        breakable.fault("close", connection=client.number, code=1013, reason="slow consumer")
        assert client.until_close()[1] == (1013).to_bytes(2) + b"slow consumer"


def test_a_freeze_stops_data_while_pong_answers_and_thaws_when_cleared(breakable: EmbeddedExchange) -> None:
    with subscribed(breakable) as client:
        breakable.fault("freeze")
        client.send("PING")
        client.until("PONG")
        client.send("PING")
        assert client.receive() == "PONG"
        breakable.fault("clear")
        client.until("price_changes")


def test_a_mute_silences_one_market_alone_and_its_opening_book(breakable: EmbeddedExchange) -> None:
    muted, other = current_markets(breakable.urls)
    with subscribed(breakable, markets=2) as client:
        breakable.fault("mute", token=tokens_of(muted)[0])
        client.send("PING")
        client.until("PONG")
        markets = [json.loads(client.receive())["market"] for _ in range(30)]
        assert set(markets) == {condition_of(other)}
    with Client(breakable.urls) as late:
        late.subscribe(tokens_of(muted))
        assert [book["asset_id"] for book in json.loads(late.receive())] == tokens_of(muted)[1:]


def test_drop_leaves_one_price_change_out_and_no_more(breakable: EmbeddedExchange) -> None:
    with subscribed(breakable) as client, subscribed(breakable) as whole:
        breakable.fault("drop", connection=client.number)
        wanted = [whole.until("price_changes")[-1] for _ in range(400)]
        seen: set[str] = set()
        while wanted[-1] not in seen and len(seen) < 5000:
            seen.add(client.until("price_changes")[-1])
        behind_the_first = wanted[50:]  # whoever subscribed later has not seen the first ones
        assert len([frame for frame in behind_the_first if frame not in seen]) <= 1
        status = requests.get(f"{breakable.urls.clob_url}/simulation/status", timeout=30).json()
        assert status["faults"] == []


def test_drop_change_leaves_out_one_change_of_a_market_that_others_are_told(
    breakable: EmbeddedExchange,
) -> None:
    wanted, other = current_markets(breakable.urls)
    with Client(breakable.urls) as client, Client(breakable.urls) as whole:
        for each in (client, whole):
            each.subscribe([*tokens_of(wanted), *tokens_of(other)])
        whole.until("price_changes")
        breakable.fault("drop_change", connection=client.number, token=tokens_of(wanted)[1])
        told = [json.loads(whole.until("price_changes")[-1]) for _ in range(400)]
        seen = [json.loads(client.until("price_changes")[-1])]
        while seen[-1] != told[-1] and len(seen) < 5000:
            seen.append(json.loads(client.until("price_changes")[-1]))
        [missing] = [frame for frame in told if frame not in seen]
        assert missing["market"] == condition_of(wanted)
        assert {entry["asset_id"] for entry in missing["price_changes"]} == set(tokens_of(wanted))
        asked = [{"token_id": token} for token in tokens_of(wanted)]
        books = {book["asset_id"]: book for book in post_books(breakable, asked).json()}
        for entry in missing["price_changes"]:
            side = books[entry["asset_id"]]["bids" if entry["side"] == "BUY" else "asks"]
            assert {"price": entry["price"], "size": entry["size"]} in side


def test_garbage_raw_and_huge_frames_arrive_as_told(breakable: EmbeddedExchange) -> None:
    with Client(breakable.urls) as client:
        breakable.fault("garbage", connection=client.number)
        with pytest.raises(json.JSONDecodeError):
            json.loads(client.receive())
        breakable.fault("garbage", connection=client.number, kind="utf8")
        with pytest.raises(UnicodeDecodeError):
            client.receive()
        payload = base64.b64encode(b"\x00\x01").decode()
        breakable.fault("raw", connection=client.number, payload=payload, opcode=2, count=2)
        assert [client.receive_bytes() for _ in range(2)] == [b"\x00\x01"] * 2
        breakable.fault("huge", connection=client.number, bytes=200_000)
        assert len(client.receive_bytes()) == 200_000


def test_a_slow_frame_arrives_whole_and_the_rest_behind_it(breakable: EmbeddedExchange) -> None:
    with subscribed(breakable) as client:
        breakable.fault("slow", connection=client.number, delay_seconds=0.0001)
        frames = [json.loads(client.receive()) for _ in range(300)]
        assert all("event_type" in frame for frame in frames)


def test_new_connections_can_be_silent_or_get_pongs_only(breakable: EmbeddedExchange) -> None:
    tokens = tokens_of(current_markets(breakable.urls)[0])
    breakable.fault("pongs_only", count=1)
    with Client(breakable.urls) as client:
        client.subscribe(tokens)
        for _ in range(3):
            client.send("PING")
            assert client.receive() == "PONG"
    breakable.fault("silent", count=1)
    with Client(breakable.urls) as client, subscribed(breakable) as other:
        client.subscribe(tokens)
        client.send("PING")
        other.until("price_changes")
        client.socket.settimeout(0.1)
        with pytest.raises(websocket.WebSocketTimeoutException):
            client.receive()


def test_handshakes_are_refused_or_stall(breakable: EmbeddedExchange) -> None:
    breakable.fault("handshake", status=403, count=1)
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        Client(breakable.urls)
    breakable.fault("stall", count=1)
    stalled = websocket.WebSocket()
    stalled.settimeout(0.2)
    with pytest.raises(websocket.WebSocketTimeoutException):
        stalled.connect(breakable.urls.ws_url)  # type: ignore[no-untyped-call]
    with subscribed(breakable) as client:
        client.until("price_changes")


def test_rest_answers_go_wrong_in_every_way(breakable: EmbeddedExchange) -> None:
    tokens = tokens_of(current_markets(breakable.urls)[0])
    body = [{"token_id": token} for token in tokens]
    breakable.fault("books", retry_after=7, count=1)
    refused = post_books(breakable, body)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    breakable.fault("books", status=500, count=1)
    assert post_books(breakable, body).status_code == 500
    breakable.fault("books", kind="empty", count=1)
    assert post_books(breakable, body).json() == []
    breakable.fault("books", kind="html", count=1)
    assert post_books(breakable, body).headers["content-type"].startswith("text/html")
    breakable.fault("books", kind="error_body", count=1)
    assert post_books(breakable, body).json() == {"error": "Too Many Requests"}
    breakable.fault("books", kind="late", delay_seconds=0.2, count=1)
    started = time.monotonic()
    assert len(post_books(breakable, body).json()) == 2
    assert time.monotonic() - started >= 0.2


def test_rest_books_can_lie(breakable: EmbeddedExchange) -> None:
    body = [{"token_id": tokens_of(current_markets(breakable.urls)[0])[0]}]
    for kind in ("wrong_book", "wrong_hash"):
        breakable.fault("books", kind=kind, count=1)
        [book] = post_books(breakable, body).json()
        assert recipe(book) != book["hash"]
    [book] = post_books(breakable, body).json()
    assert recipe(book) == book["hash"]


def test_gamma_goes_wrong_by_itself(breakable: EmbeddedExchange) -> None:
    breakable.fault("gamma", status=503, seconds=60)
    assert get(f"{breakable.urls.gamma_url}/markets/keyset").status_code == 503
    assert post_books(breakable, [{"token_id": "1"}]).json() == []


def test_a_wrong_fault_is_refused_by_name(breakable: EmbeddedExchange) -> None:
    with pytest.raises(ConfigError, match="no fault 'meteor'; did you mean 'mute'"):
        breakable.fault("meteor")
    with pytest.raises(ConfigError, match="base64"):
        breakable.fault("raw", payload="?")
    with pytest.raises(ExchangeError, match="no such connection"):
        breakable.fault("cut", connection=999_999)
    url = f"{breakable.urls.clob_url}/simulation/fault"
    for wrong in (b"{", b'{"name":"meteor"}'):
        assert requests.post(url, data=wrong, headers=AGENT, timeout=30).status_code == 400


def test_a_fault_on_the_command_line_is_key_value() -> None:
    assert parse_fault("close", ["code=1013", "reason=bye"]) == Fault("close", code=1013, reason="bye")
    with pytest.raises(ConfigError, match="must be key=value"):
        parse_fault("close", ["1013"])
    with pytest.raises(ConfigError, match="code"):
        parse_fault("close", ["code=9"])


def test_a_fault_ends_after_its_count_or_its_seconds() -> None:
    faults = Faults()
    faults.add(Fault("mute", token="1", count=2), 0)
    assert faults.take("mute", 0, token="2") is None
    assert [faults.take("mute", 0, token="1") is None for _ in range(3)] == [False, False, True]
    faults.add(Fault("freeze", seconds=5, connection=3), 0)
    assert faults.take("freeze", 1, connection=4) is None
    assert faults.take("freeze", 4.9, connection=3) is not None
    assert faults.take("freeze", 5, connection=3) is None
    assert not faults
