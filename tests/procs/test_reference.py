"""The process for reference prices by itself, with the embedded exchange on the other side."""

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from common.archive.read import closed_archives
from common.archive.reference_prices import reference_prices
from common.config import DiscoverySettings
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile, Market
from common.core.reference.sources import Place
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.runtime.run.details import ReferenceDetails
from common.simulation.options import SimulationOptions
from tests.archive.recordings import verified
from tests.procs.alone import Alone, alone, run_folder
from tests.waiting import wait_for

AT = "2026-01-01T00:05:00Z"
NOWHERE = "ws://127.0.0.1:9/rtds"
Settings = dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedExchange]:
    with EmbeddedExchange(SimulationOptions(), tmp_path_factory.mktemp("exchange")) as running:
        yield running


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with run_folder() as folder:
        yield folder


def discover(data_root: Path, coins: Sequence[str]) -> None:
    markets = tuple(Market(f"{coin}-1", "0x1", f"{coin}-up-or-down-5m", AT, AT, ()) for coin in coins)
    path = discovery_path(data_root, DiscoverySettings())
    file = DiscoveryFile(DISCOVERY_SCHEMA_VERSION, AT, "test", (), markets, (), exchange="simulated")
    write_discovery_file(path, file)


def settings(exchange: EmbeddedExchange, **more: object) -> Settings:
    urls = {"rtds_url": exchange.urls.rtds_url, "binance_url": exchange.urls.binance_url}
    return {
        "reference": {**urls, "silence_seconds": 60, **more},
        "writer": {"commit_interval_seconds": 0.05},
        "websocket": {"reconnect_initial_delay_seconds": 0.05, "reconnect_max_delay_seconds": 0.2},
    }


@contextmanager
def recording(given: Settings, data_root: Path, run_dir: Path, place: Place = "rtds") -> Iterator[Alone]:
    with alone(
        "reference", run_dir, data_root, given, name=f"reference-{place}", exchange="simulated"
    ) as one:
        yield one


@contextmanager
def writing(given: Settings, data_root: Path, run_dir: Path) -> Iterator[Alone]:
    name = "archive_writer-0"
    with alone("archive_writer", run_dir, data_root, given, name=name, exchange="simulated") as writer:
        yield writer
        assert writer.stop() == 0, writer.log


def rows(data_root: Path) -> list[dict[str, Any]]:
    lines = (gzip.decompress(path.read_bytes()).splitlines() for path in closed_archives(data_root))
    return sorted(
        (json.loads(line) for part in lines for line in part), key=lambda row: row["received_at_ns"]
    )


def details(process: Alone) -> ReferenceDetails | None:
    return process.details(ReferenceDetails) if process.facts is not None else None


@pytest.mark.parametrize("place", ["rtds", "binance"])
def test_prices_are_archived_raw_and_a_killed_process_loses_nothing_that_it_received(
    place: Place, exchange: EmbeddedExchange, tmp_path: Path, run_dir: Path
) -> None:
    discover(tmp_path, ["btc", "eth"])
    given = settings(exchange)
    with writing(given, tmp_path, run_dir):
        with recording(given, tmp_path, run_dir, place) as first:
            first.wait_for_counter("reference_messages_total", 6)
            first.kill()
        with recording(given, tmp_path, run_dir, place) as second:
            second.wait_for_counter("reference_messages_total", 12)
            shown = details(second)
            assert second.stop() == 0, second.log
    assert shown is not None
    assert (shown.source, shown.coins, shown.last_error) == (place, ("btc", "eth"), "")
    ended = details(second)
    assert ended is not None
    assert ended.silent_since_ns == 0, "a recorder that stops is not silent"
    found = rows(tmp_path)
    kinds = [row["record_type"] for row in found if row["record_type"] != "message"]
    assert kinds == ["session_opened", "session_closed", "session_opened", "gap", "session_closed"]
    [gap] = [row["gap"] for row in found if row["record_type"] == "gap"]
    assert gap["cause"] == "reader_died"
    numbers = [row["global_message_sequence"] for row in found if row["record_type"] == "message"]
    assert numbers == list(range(1, len(numbers) + 1))
    prices = [price for _, price in reference_prices(tmp_path)]
    expected = {"rtds": {"chainlink", "twap_sixty"}, "binance": {"binance_trade", "binance_quote"}}
    assert {price.channel for price in prices} == expected[place]
    assert {price.coin for price in prices} == {"btc", "eth"}
    assert verified(tmp_path).findings == ()


def test_a_feed_that_stops_on_an_open_socket_is_left_and_the_silence_is_a_gap(
    exchange: EmbeddedExchange, tmp_path: Path, run_dir: Path
) -> None:
    discover(tmp_path, ["btc"])
    given = settings(exchange, silence_seconds=2)
    with writing(given, tmp_path, run_dir), recording(given, tmp_path, run_dir) as process:
        process.wait_for_counter("reference_messages_total", 2)
        exchange.fault("reference", kind="frozen", token="rtds", count="1")
        process.wait_for_counter("reference_gaps_total", 1)
        assert process.counter("reference_reconnects_total") >= 1
        assert process.counter("gaps_total") == 0, "those are of the books"
        wait_for(lambda: (shown := details(process)) and shown.silent_since_ns == 0, what="prices again")
        assert process.stop() == 0, process.log
    closed, *_ = (row["session_closed"] for row in rows(tmp_path) if row["record_type"] == "session_closed")
    assert closed["reason"] == "stale_feed"
    gap, *_ = (row["gap"] for row in rows(tmp_path) if row["record_type"] == "gap")
    last = [
        row for row in rows(tmp_path) if row["record_type"] == "message" and row["connection_sequence"] == 1
    ]
    newest = [row["received_at_utc"] for row in last if row["classified_event_types"] != ["PONG"]][-1]
    assert (gap["cause"], gap["from_utc"]) == ("stale_feed", newest)


def test_what_comes_twice_or_late_is_kept_and_counted_and_a_refusal_is_told(
    exchange: EmbeddedExchange, tmp_path: Path, run_dir: Path
) -> None:
    discover(tmp_path, ["btc"])
    given = settings(exchange)
    with writing(given, tmp_path, run_dir), recording(given, tmp_path, run_dir) as process:
        process.wait_for_counter("reference_messages_total", 2)
        exchange.fault("reference", kind="doubled", token="rtds", count="1")
        process.wait_for_counter("reference_repeated_total", 1)
        exchange.fault("reference", kind="disordered", token="rtds", count="1")
        process.wait_for_counter("reference_disordered_total", 1)
        exchange.fault("reference", kind="refused", token="rtds", count="1")
        discover(tmp_path, ["btc", "sol"])
        process.wait_for_counter("reference_refusals_total", 1)
        wait_for(lambda: (shown := details(process)) and "invalid request" in shown.last_error, what="a word")
        assert process.stop() == 0, process.log
    exchange.fault("clear")
    assert "a request was refused" in process.log
    [refused] = [row for row in rows(tmp_path) if row.get("classified_event_types") == ["refused"]]
    assert refused["raw_text"] == '{"body":{"message":"invalid request"},"statusCode":400}'


def test_without_a_coin_nothing_is_dialed_and_a_coin_that_comes_is_followed(
    exchange: EmbeddedExchange, tmp_path: Path, run_dir: Path
) -> None:
    discover(tmp_path, [])
    given = settings(exchange)
    with writing(given, tmp_path, run_dir), recording(given, tmp_path, run_dir) as process:
        wait_for(lambda: (shown := details(process)) and shown.state == "no_tokens", what="it to rest")
        discover(tmp_path, ["eth"])
        process.wait_for_counter("reference_messages_total", 1)
        discover(tmp_path, [])
        wait_for(lambda: (shown := details(process)) and shown.state == "no_tokens", what="it to rest again")
        assert process.stop() == 0, process.log
    [closed] = [row["session_closed"] for row in rows(tmp_path) if row["record_type"] == "session_closed"]
    assert closed["reason"] == "no_active_tokens"


def test_a_place_that_does_not_answer_is_named_and_is_no_problem_of_the_recording(
    exchange: EmbeddedExchange, tmp_path: Path, run_dir: Path
) -> None:
    discover(tmp_path, ["btc"])
    given = settings(exchange, rtds_url=NOWHERE)
    with recording(given, tmp_path, run_dir) as process:
        process.wait_for_counter("reference_dial_failures_total", 2)
        wait_for(lambda: (shown := details(process)) and shown.silent_since_ns > 0, what="a silence")
        shown = details(process)
        assert process.facts is not None
        assert process.facts.problems == ()
        assert process.stop() == 0, process.log
    assert shown is not None
    assert shown.last_error.startswith(f"{NOWHERE}: ")
    assert shown.state == "connecting"


def test_a_simulated_run_dials_nobody_outside_of_this_machine(
    exchange: EmbeddedExchange, tmp_path: Path, run_dir: Path
) -> None:
    discover(tmp_path, ["btc"])
    given = settings(exchange, rtds_url="wss://rtds.test/x")
    with recording(given, tmp_path, run_dir) as process:
        wait_for(lambda: (shown := details(process)) and shown.last_error, what="its reason")
        shown = details(process)
        assert process.stop() == 0, process.log
    assert shown is not None
    assert "this run is simulated: it is not asked" in shown.last_error
    assert process.counter("reference_dial_failures_total") == 0
