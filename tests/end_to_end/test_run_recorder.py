import gzip
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from common.archive.read import closed_archives
from common.core.discovery.wanted_markets import BTC_SERIES
from common.runtime.data_root import claim_data_root
from tests.end_to_end.running import frames_sent, oracle_findings, run_command, started_command
from tests.polymarket.loopback import serving
from tests.waiting import wait_for

FAST_FRAMES = 10_000


def run_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "d/manifests/polymarket_ws_recorder_latest.json"
    document: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {"state": ""}
    return document


@pytest.mark.unmeasured
def test_two_writers_record_a_fast_exchange_byte_for_byte(tmp_path: Path) -> None:
    with started_command(
        "run_recorder",
        *("--exchange", "simulated", "--writers", "2", "--data-root", "d"),
        *("--simulated-rate", "5000", "--simulated-oracle", "oracle"),
        folder=tmp_path,
        environment={
            "RECORDER__MANIFEST__WRITE_INTERVAL_SECONDS": "0.2",
            "RECORDER__DISCOVERY__SERIES": json.dumps(BTC_SERIES),  # all, though not all of them are listed
        },
    ) as process:
        wait_for(
            lambda: run_manifest(tmp_path).get("counters", {}).get("ws_messages_total", 0) > FAST_FRAMES,
            what=f"{FAST_FRAMES} frames",
        )
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    manifest = run_manifest(tmp_path)
    assert (manifest["state"], manifest["exchange"]) == ("STOPPED", "simulated")
    assert manifest["counters"]["ws_messages_total"] == frames_sent(tmp_path / "oracle")
    names = [path.name for path in closed_archives(tmp_path / "d")]
    assert any("_l0_" in name and "ws_raw" in name for name in names)
    assert any("_l1_" in name and "ws_raw" in name for name in names)
    assert manifest["counters"]["archives_closed_total"] == len(names)
    rows = sum(gzip.decompress(path.read_bytes()).count(b"\n") for path in closed_archives(tmp_path / "d"))
    assert manifest["counters"]["rows_written_total"] == rows
    assert not list(tmp_path.glob("d/**/.*.open"))
    for line in log.splitlines():
        assert json.loads(line)["run_id"] == manifest["run_id"], "every log record is JSON and names its run"


def test_a_recorder_drains_on_sigterm_and_refuses_a_second_one_beside_it(tmp_path: Path) -> None:
    arguments = ("--exchange", "simulated", "--data-root", "d")
    with started_command(
        "run_recorder",
        *arguments,
        *("--simulated-oracle", "oracle"),
        folder=tmp_path,
        environment={"RECORDER__MANIFEST__WRITE_INTERVAL_SECONDS": "0.1"},
    ) as process:
        wait_for(
            lambda: run_manifest(tmp_path)["state"] == "RUNNING_RECEIVING", what="the recorder to receive"
        )
        second = run_command("run_recorder", *arguments, folder=tmp_path)
        assert second.returncode == 1
        assert "is in use by another process" in second.stderr
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert run_manifest(tmp_path)["state"] == "STOPPED"
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []


def test_a_data_root_of_live_data_refuses_a_simulated_run_before_anything_is_written(tmp_path: Path) -> None:
    claim_data_root(tmp_path / "d", "live", 1)
    before = sorted(path for path in (tmp_path / "d").rglob("*") if path.name != ".recorder.lock")
    for command in ("run_recorder", "discover_markets"):
        refused = run_command(command, "--exchange", "simulated", "--data-root", "d", folder=tmp_path)
        assert refused.returncode == 78, refused.stderr
        assert "paths.data_root: " in refused.stderr
        assert "d holds live data and this run would record simulated data: choose another" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert sorted(path for path in (tmp_path / "d").rglob("*") if path.name != ".recorder.lock") == before


def test_a_data_root_of_simulated_data_refuses_a_live_run(tmp_path: Path) -> None:
    claim_data_root(tmp_path / "d", "simulated", 1)
    with serving(lambda handler: handler.reply(200, b'{"markets":[]}')) as server:
        environment = {"RECORDER__EXCHANGE__GAMMA_URL": server.url}
        for command in ("record_sample", "discover_markets"):
            refused = run_command(command, "--data-root", "d", folder=tmp_path, environment=environment)
            assert refused.returncode == 78, refused.stderr
            assert "d holds simulated data and this run would record live data: choose" in refused.stderr
    assert not (tmp_path / "d/discovery").exists()


def test_a_refused_configuration_starts_nothing_and_names_file_key_and_bound(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("writer: {writers: 0}\n")
    result = run_command("run_recorder", "--config", str(config), "--data-root", "d", folder=tmp_path)
    assert result.returncode == 78
    assert f"{config}: writer.writers" in result.stderr
    assert ">= 1" in result.stderr
    assert not (tmp_path / "d").exists()


def test_without_gamma_and_without_a_usable_discovery_file_it_starts_and_says_that_nothing_is_recorded(
    tmp_path: Path,
) -> None:
    path = tmp_path / "d/discovery/polymarket_btc_markets_latest.json"
    path.parent.mkdir(parents=True)
    path.write_text("{garbled")
    environment = {
        "RECORDER__EXCHANGE__GAMMA_URL": "http://127.0.0.1:9",
        "RECORDER__MANIFEST__WRITE_INTERVAL_SECONDS": "0.1",
    }
    with started_command(
        "run_recorder", "--data-root", "d", folder=tmp_path, environment=environment
    ) as process:
        wait_for(lambda: run_manifest(tmp_path).get("problems"), what="the recorder to say what is wrong")
        problems = {problem["kind"]: problem["reason"] for problem in run_manifest(tmp_path)["problems"]}
        assert "nothing is recorded: 127.0.0.1:9 refused the connection" in problems["discovery_failing"]
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert "nothing is recorded until a discovery succeeds" in log
    assert "run bin/discover-markets" in log
    assert path.read_text() == "{garbled"
