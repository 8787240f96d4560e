import json
import subprocess
import time
from pathlib import Path
from typing import Any

from common.config import DiscoverySettings
from common.core.instants import NS_PER_SECOND
from common.locks import RECORDER_LOCK, FileLock
from common.polymarket.gamma.discovery_file import discovery_path, read_discovery_file
from common.runtime.command_line.command import CONF
from tests.core.discovery.test_selection import NOON, gamma_market
from tests.end_to_end.running import run_here
from tests.polymarket.loopback import Answer, Handler, serving


def discover_markets(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here("discover_markets", *arguments, folder=CONF.parent)


def discover_from(answer: Answer, data_root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    with serving(answer) as server:
        config = data_root / "mine.yaml"
        config.write_text(f"exchange: {{gamma_url: '{server.url}'}}\n")
        return discover_markets("--config", str(config), "--data-root", str(data_root), *arguments)


def windows_of_now() -> list[dict[str, Any]]:
    """A window that is live now, one that comes, and one of another series."""
    start_s = int(time.time()) // 300 * 300 - NOON // NS_PER_SECOND
    other = gamma_market(
        start_s + 300, 900, events=[{"seriesSlug": "eth-up-or-down-5m"}], slug="eth-updown-5m-1"
    )
    return [gamma_market(start_s), gamma_market(start_s + 300), other]


def listing(handler: Handler) -> None:
    """The same for every question but those by name."""
    if "/slug/" in handler.path or handler.path.startswith(("/series", "/events")):
        handler.reply(404, b"{}")
    else:
        handler.reply(200, json.dumps({"markets": windows_of_now()}).encode())


def test_a_discovery_writes_the_file_and_says_what_was_taken_and_left(tmp_path: Path) -> None:
    done = discover_from(listing, tmp_path, "--market-limit", "1")
    assert (done.returncode, done.stderr) == (0, "")
    found = read_discovery_file(discovery_path(tmp_path, DiscoverySettings()))
    assert len(found.markets) == 1
    for text in (
        "Taken: 1 markets, 2 tokens",
        found.markets[0].slug,
        "Up, Down",
        "live, ends in",
        "Left: 2 markets",
        "    1  over the market limit",
        "    1  of a series that is not asked for",
        f"Written to {discovery_path(tmp_path, DiscoverySettings())}",
        f"Next: bin/record-sample --config {tmp_path}/mine.yaml --data-root {tmp_path}",
    ):
        assert text in done.stdout


def test_what_options_name_replaces_what_the_settings_name(tmp_path: Path) -> None:
    done = discover_from(listing, tmp_path, "--series", "eth-up-or-down-5m", "--tag", "nothing")
    assert done.returncode == 0
    path = discovery_path(tmp_path, DiscoverySettings(tags=("nothing",)))
    found = read_discovery_file(path)
    assert (found.series, found.tags) == (("eth-up-or-down-5m",), ("nothing",))
    assert (
        "Problem: selection_matches_nothing: discovery.tags: the exchange knows no tag 'nothing'"
        in done.stdout
    )
    assert f"Next: bin/record-sample --config {tmp_path}/mine.yaml" in done.stdout
    assert "--series eth-up-or-down-5m --tag nothing" in done.stdout


def test_beside_a_running_recorder_nothing_is_written(tmp_path: Path) -> None:
    assert discover_from(listing, tmp_path).returncode == 0
    path = discovery_path(tmp_path, DiscoverySettings())
    before = path.read_bytes()
    lock = FileLock(tmp_path / RECORDER_LOCK, "here")
    done = discover_from(listing, tmp_path, "--market-limit", "1")
    lock.release()
    assert (done.returncode, path.read_bytes()) == (0, before)
    assert "Taken: 1 markets" in done.stdout
    assert f"A recorder runs on {tmp_path}: its discovery file is left alone" in done.stdout
    assert "Written" not in done.stdout


def test_a_failed_discovery_leaves_the_good_file_and_says_one_line(tmp_path: Path) -> None:
    assert discover_from(listing, tmp_path).returncode == 0
    before = discovery_path(tmp_path, DiscoverySettings()).read_bytes()
    failed = discover_from(lambda handler: handler.reply(500, b""), tmp_path)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: 127.0.0.1:")
    assert failed.stderr.count("\n") == 1
    assert discovery_path(tmp_path, DiscoverySettings()).read_bytes() == before


def test_a_discovery_that_finds_nothing_writes_the_empty_truth(tmp_path: Path) -> None:
    assert discover_from(listing, tmp_path).returncode == 0
    done = discover_from(lambda handler: handler.reply(200, b'{"markets":[]}'), tmp_path)
    assert done.returncode == 0
    assert "Nothing to record now" in done.stdout
    assert "Problem: selection_matches_nothing" in done.stdout
    assert read_discovery_file(discovery_path(tmp_path, DiscoverySettings())).markets == ()


def test_the_embedded_exchange_needs_no_network(tmp_path: Path) -> None:
    arguments = ("--exchange", "simulated", "--data-root", str(tmp_path))
    done = discover_markets(*arguments, "--market-limit", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Next: bin/record-sample --exchange simulated" in done.stdout
    assert len(read_discovery_file(discovery_path(tmp_path, DiscoverySettings())).markets) == 2


def test_a_search_lists_what_could_be_recorded_and_writes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "none"
    done = discover_markets("--exchange", "simulated", "--data-root", str(root), "--search", "eth 15m")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--series eth-up-or-down-15m   ETH Up or Down 15m" in done.stdout
    none = discover_markets("--exchange", "simulated", "--data-root", str(root), "--search", "no such thing")
    assert "Nothing open fits that" in none.stdout
    assert not root.exists()


def test_wrong_usage_and_refused_settings_have_their_own_codes(tmp_path: Path) -> None:
    assert discover_markets("--market-limit", "many").returncode == 2
    refused = discover_markets("--market-limit", "-1", "--data-root", str(tmp_path))
    assert refused.returncode == 78
    assert refused.stderr.startswith("error: command line: discovery.market_limit:")
