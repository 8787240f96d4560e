from pathlib import Path

import pytest

from common.errors import RecorderError
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from common.simulation.oracle import OracleLog, compare, frame_fields, next_number, read_oracle
from tests.simulation.client import Client, current_markets, tokens_of

SENT = [b"one", b"two", b"\xff", b"two", b"three"]


def account(folder: Path, number: int = 1, how: str = "client closed") -> None:
    log = OracleLog(folder, number, 5)
    log.sent([frame_fields(1, payload) for payload in SENT], 7)
    log.flush()
    log.close(9, how)
    if not how:  # as a killed exchange leaves it
        path = folder / f"connection-{number}.jsonl"
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def test_what_was_sent_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    account(tmp_path)
    [connection] = read_oracle(tmp_path)
    assert (connection.number, connection.cf_ray, connection.opened_at_ns) == (1, "simulated-1", 5)
    assert list(connection.frames()) == SENT
    assert next_number(tmp_path) == 2
    assert compare(tmp_path, {"simulated-1": SENT}) == []


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (SENT[:2] + SENT[3:], "1 missing of 5 frames sent; first difference at frame 3"),
        ([*SENT, b"one"], "1 twice of 5 frames sent; first difference at frame 6"),
        ([SENT[1], SENT[0], *SENT[2:]], "out of order of 5 frames sent; first difference at frame 1"),
        ([*SENT[:-1], b"threE"], "1 altered of 5 frames"),
        ([*SENT, b"four"], "1 never sent of 5"),
        ([], "5 missing"),
    ],
)
def test_each_difference_is_said_in_words(tmp_path: Path, recorded: list[bytes], said: str) -> None:
    account(tmp_path)
    [finding] = compare(tmp_path, {"simulated-1": recorded})
    assert finding.startswith("simulated-1: ")
    assert said in finding


def test_a_lost_tail_is_no_finding_where_the_line_broke(tmp_path: Path) -> None:
    account(tmp_path, 1, "connection lost")
    account(tmp_path, 2, "")
    assert compare(tmp_path, {"simulated-1": SENT[:2], "simulated-2": SENT[:4]}) == []
    assert compare(tmp_path, {"simulated-1": SENT[1:], "simulated-2": SENT}) != []


def test_a_recorded_connection_that_never_was_is_a_finding(tmp_path: Path) -> None:
    account(tmp_path)
    findings = compare(tmp_path, {"simulated-1": SENT, "simulated-9": []})
    assert findings == ["simulated-9: recorded, but the exchange never had such a connection"]


def test_a_torn_last_line_hides_nothing_before_it(tmp_path: Path) -> None:
    account(tmp_path, how="")
    with (tmp_path / "connection-1.jsonl").open("ab") as file:
        file.write(b'{"n":6,"sent')
    [connection] = read_oracle(tmp_path)
    assert list(connection.frames()) == SENT
    (tmp_path / "connection-2.jsonl").write_bytes(b"")
    with pytest.raises(RecorderError, match="holds no connection"):
        read_oracle(tmp_path)


def test_the_oracle_holds_exactly_what_a_client_received_until_its_clean_close(tmp_path: Path) -> None:
    folder = tmp_path / "oracle"
    options = SimulationOptions(rate=2000, oracle=str(folder))
    received: dict[str, list[bytes]] = {}
    with EmbeddedExchange(options, tmp_path) as exchange:
        tokens = tokens_of(current_markets(exchange.urls)[0])
        with Client(exchange.urls) as client:
            client.subscribe(tokens, flag=True)
            frames = [client.receive_bytes() for _ in range(1500)]
            exchange.fault("garbage", kind="utf8")
            client.socket.send_close()
            received["simulated-1"] = frames + client.until_close()[0]
        with Client(exchange.urls) as client:
            client.subscribe(tokens)
            frames = [client.receive_bytes() for _ in range(100)]
            exchange.fault("cut")
            received["simulated-2"] = frames + client.until_close()[0]
        with Client(exchange.urls) as client:
            client.subscribe(tokens)
            received["simulated-3"] = [client.receive_bytes() for _ in range(100)]
        last = Client(exchange.urls)
        last.subscribe(tokens)
        received["simulated-4"] = [last.receive_bytes()]
    with last:
        received["simulated-4"] += last.until_close()[0]
    hows = [connection.how for connection in read_oracle(folder)]
    assert hows == ["client closed", "cut", "connection lost", "server closed 1001 exchange stopped"]
    assert compare(folder, received) == []
