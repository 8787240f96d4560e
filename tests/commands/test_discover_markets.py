import json
import subprocess
import sys
import time
from pathlib import Path

from common.core.instants import NS_PER_SECOND
from common.polymarket.discovery_file import discovery_path, read_discovery_file
from common.runtime.command import CONF
from tests.core.test_selection import NOON, gamma_market
from tests.polymarket.loopback import Answer, Handler, serving


def discover_markets(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "procs.commands.discover_markets", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=CONF.parent, check=False, timeout=120)


def discover_from(answer: Answer, data_root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    with serving(answer) as server:
        config = data_root / "mine.yaml"
        config.write_text(f"exchange: {{gamma_url: '{server.url}'}}\n")
        return discover_markets("--config", str(config), "--data-root", str(data_root), *arguments)


def listing(handler: Handler) -> None:
    """A window that is live now, one that comes, and one of another series."""
    shift_s = (time.time_ns() - NOON) // NS_PER_SECOND
    other = gamma_market(shift_s + 200, events=[{"seriesSlug": "eth-up-or-down-5m"}])
    markets = [gamma_market(shift_s - 60), gamma_market(shift_s + 100), other]
    handler.reply(200, json.dumps({"markets": markets}).encode())


def test_a_discovery_writes_the_file_and_tells_what_was_taken_and_left(tmp_path: Path) -> None:
    done = discover_from(listing, tmp_path, "--market-limit", "1")
    assert (done.returncode, done.stderr) == (0, "")
    found = read_discovery_file(discovery_path(tmp_path))
    assert len(found.markets) == 1
    for text in (
        "Taken: 1 markets, 2 tokens",
        found.markets[0].slug,
        "Up, Down",
        "live, ends in 2",
        "Left: 2 markets",
        "    1  over the market limit",
        "    1  of a series that is not asked for",
        f"Written to {discovery_path(tmp_path)}",
        f"Next: bin/record-sample --config {tmp_path}/mine.yaml --data-root {tmp_path}",
    ):
        assert text in done.stdout


def test_a_failed_discovery_leaves_the_good_file_and_says_one_line(tmp_path: Path) -> None:
    assert discover_from(listing, tmp_path).returncode == 0
    before = discovery_path(tmp_path).read_bytes()
    failed = discover_from(lambda handler: handler.reply(500, b""), tmp_path)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: 127.0.0.1:")
    assert failed.stderr.count("\n") == 1
    assert discovery_path(tmp_path).read_bytes() == before


def test_a_discovery_that_finds_nothing_writes_the_empty_truth(tmp_path: Path) -> None:
    assert discover_from(listing, tmp_path).returncode == 0
    done = discover_from(lambda handler: handler.reply(200, b'{"markets":[]}'), tmp_path)
    assert done.returncode == 0
    assert "Nothing to record now" in done.stdout
    assert read_discovery_file(discovery_path(tmp_path)).markets == ()


def test_the_embedded_exchange_needs_no_network(tmp_path: Path) -> None:
    done = discover_markets("--exchange", "simulated", "--market-limit", "2", "--data-root", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Next: bin/record-sample --exchange simulated" in done.stdout
    assert len(read_discovery_file(discovery_path(tmp_path)).markets) == 2


def test_wrong_usage_and_refused_settings_have_their_own_codes(tmp_path: Path) -> None:
    assert discover_markets("--market-limit", "many").returncode == 2
    refused = discover_markets("--market-limit", "-1", "--data-root", str(tmp_path))
    assert refused.returncode == 78
    assert refused.stderr.startswith("error: command line: discovery.market_limit:")
