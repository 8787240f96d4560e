"""The benchmark in small, on real processes: everything that was sent is found, and a lie is noticed."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from common.benchmark.contest import Field, Plan, run_once
from common.benchmark.durable import Archived, Seen, latency, read_back
from common.benchmark.frames import Load, make_load
from common.benchmark.measured import Setup, Way
from common.benchmark.proof import prove_loop, prove_recorder, verifying
from common.benchmark.recorder import recorder_settings
from common.benchmark.search import Pace
from common.config_loading import load_settings
from common.core.market import all_tokens
from common.polymarket.gamma.discover import discover
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from procs.commands import benchmark

pytestmark = pytest.mark.unmeasured
SMALL = Plan(Pace(0.2, 0.3, 2), 0.3, (300.0,), 1.2, 60_000.0)


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    options = SimulationOptions(rate=0, new_markets_per_second=0)
    with EmbeddedExchange(options, tmp_path_factory.mktemp("exchange")) as exchange:
        settings = recorder_settings(exchange.urls, 4)
        now_ns = time.time_ns()
        tokens = all_tokens(discover(load_settings(environment=settings), now_ns).markets)
        yield Field(tokens, make_load(tokens, now_ns // 1_000_000, count=200), settings)


@pytest.mark.parametrize("way", ["naive", "best", "floor"])
def test_a_loop_keeps_everything_that_it_is_sent(way: Way, field: Field, tmp_path: Path) -> None:
    measured = run_once(Setup(4, way), field, SMALL, tmp_path)
    assert measured.wrongs == ()
    assert measured.messages > 100
    assert measured.rate > 0
    assert measured.cpu_us > 0


def test_the_recorder_keeps_everything_and_shows_what_it_costs(field: Field, tmp_path: Path) -> None:
    measured = run_once(Setup(4, "recorder", 2), field, SMALL, tmp_path)
    lost = [words for words in measured.wrongs if "no rate" not in words]
    assert lost == [], "a busy machine may sustain no rate of those tried, but nothing is lost"
    assert measured.messages > 300
    [found] = measured.latencies
    assert found.messages > 200
    assert 0 < found.p50_ms <= found.p99_ms <= found.longest_ms
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_breaks_off_does_not_count_and_says_why(field: Field, tmp_path: Path) -> None:
    refused = msgspec.structs.replace(field, settings={"RECORDER__WRITER__GZIP_LEVEL": "99"})
    measured = run_once(Setup(4, "recorder", 1), refused, SMALL, tmp_path)
    assert "the recorder ended with 78" in measured.wrongs[0]
    assert "writer.gzip_level" in measured.wrongs[0], "in its own words"


def test_a_message_that_is_missing_twice_or_another_is_noticed() -> None:
    load = Load(b"open", (b"a", b"b"))
    wrongs = prove_recorder([Archived(1, "0", 0, 0), Archived(1, "0", 0, 0)], 2, load)
    assert "2 messages were sent, 1 of them are archived" in wrongs
    assert "2 messages are not as they were sent" in wrongs


def test_what_verification_finds_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "raw_orderbooks/polymarket/ws_raw/dt=2026-11-23/hour=12"
    folder.mkdir(parents=True)
    (folder / "polymarket_ws_raw_20261123T12_r_1.jsonl.gz").write_bytes(b"no gzip")
    with verifying(tmp_path) as found:
        assert any("polymarket_ws_raw_20261123T12_r_1" in words for words in found())


def test_a_file_that_lacks_rows_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(b"")
    assert prove_loop("best", path, 3, Load(b"open", (b"a",))) == ["3 messages were sent, 0 are in the file"]


def test_latency_is_taken_over_the_messages_of_its_stretch(tmp_path: Path) -> None:
    messages = [Archived(n, "", n * 1_000_000, n * 1_000_000 + n * 2_000_000) for n in range(1, 101)]
    found = latency(messages, 50.0, 11_000_000, 20_000_000)
    assert found is not None
    assert (found.messages, found.p50_ms, found.longest_ms) == (10, 32.0, 40.0)
    assert latency(messages, 50.0, 10**12, 10**13) is None
    assert list(read_back(tmp_path, [], [Seen(1, "a", 1)])) == []


def test_odd_tokens_and_nonsense_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert benchmark.main(["--tokens", "3", "--data-root", str(tmp_path)]) == 2
    assert "even numbers" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        benchmark.main(["--tokens", "many"])
    assert ended.value.code == 2
