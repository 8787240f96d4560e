import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.running import oracle_findings, run_command, started_command
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured


def run_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "d/manifests/polymarket_ws_recorder_latest.json"
    document: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {"processes": []}
    return document


def writers(folder: Path) -> set[str]:
    running = [process for process in run_manifest(folder)["processes"] if process["pid"] is not None]
    return {process["name"] for process in running if process["name"].startswith("archive_writer")}


def scale(folder: Path, count: int) -> None:
    result = run_command("recorderctl", "scale", "writer", str(count), "--data-root", "d", folder=folder)
    assert result.returncode == 0, result.stderr
    wanted = {f"archive_writer-{index}" for index in range(count)}
    wait_for(lambda: writers(folder) == wanted, what=f"{count} writers")


def test_writers_come_and_go_under_load_and_nothing_is_missing_or_twice(tmp_path: Path) -> None:
    with started_command(
        "run_recorder",
        *("--exchange", "simulated", "--data-root", "d"),
        *("--simulated-oracle", "oracle", "--simulated-rate", "800"),
        folder=tmp_path,
        environment={"RECORDER__MANIFEST__WRITE_INTERVAL_SECONDS": "0.2"},
    ) as process:
        wait_for(lambda: run_manifest(tmp_path).get("state") == "RUNNING_RECEIVING", what="data")
        for count in (4, 1, 2):
            scale(tmp_path, count)
            rotated = run_command("recorderctl", "rotate", "--data-root", "d", folder=tmp_path)
            assert rotated.returncode == 0
        wait_for(lambda: run_manifest(tmp_path)["counters"]["ws_messages_total"] > 2000, what="2,000 frames")
        stopped = run_command("recorderctl", "stop", "--data-root", "d", folder=tmp_path)
        assert stopped.returncode == 0, stopped.stderr
        _, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    verified = run_command("verify_archives", "--data-root", "d", "--json", folder=tmp_path)
    assert json.loads(verified.stdout)["findings"] == []
    names = [path.name for path in tmp_path.glob("d/raw_orderbooks/**/*_ws_raw_*.gz")]
    assert any("_l3_" in name for name in names)
    assert len([name for name in names if "_l0_" in name]) >= 3, "each rotation began a new archive"
