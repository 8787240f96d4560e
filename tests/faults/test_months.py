"""Months in minutes: rolling one-minute windows, a fault every few seconds, and everything accounted for.

`MONTHS_SECONDS=1800 bin/run-tests tests/faults/test_months.py -s` is the long form.
"""

import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil
import pytest

from common.errors import ExchangeError
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from tests.end_to_end.running import exchange_environment, oracle_findings, run_command, started_command
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured
SECONDS = float(os.environ.get("MONTHS_SECONDS", "30"))
SEED = int(os.environ.get("MONTHS_SEED", "1"))
FAULT_EVERY_S = 2.0
KILL_EVERY = 5  # every so many faults a process is killed or stopped instead

FAULTS: tuple[dict[str, Any], ...] = (
    {"name": "cut"},
    {"name": "cut", "mid_frame": True},
    {"name": "close", "code": 1013, "reason": "slow consumer: send buffer full"},
    {"name": "close", "code": 1000, "reason": "bye"},
    {"name": "close", "code": 1008, "reason": "policy"},
    {"name": "freeze", "seconds": 4},
    {"name": "garbage", "kind": "text"},
    {"name": "garbage", "kind": "utf8"},
    {"name": "huge", "bytes": 3_000_000},
    {"name": "slow", "count": 1, "delay_seconds": 0.001},
    {"name": "handshake", "status": 429, "seconds": 2},
    {"name": "stall", "seconds": 2},
    {"name": "silent", "seconds": 2},
    {"name": "pongs_only", "seconds": 2},
    {"name": "books", "kind": "status", "status": 429, "retry_after": 1, "seconds": 2},
    {"name": "books", "kind": "html", "seconds": 2},
    {"name": "books", "kind": "error_body", "seconds": 2},
    {"name": "gamma", "kind": "status", "status": 500, "seconds": 3},
    {"name": "gamma", "kind": "empty", "seconds": 3},
    {"name": "gamma", "kind": "late", "delay_seconds": 2, "seconds": 3},
)
SETTINGS = {
    "RECORDER__DISCOVERY__REFRESH_INTERVAL_SECONDS": "3",
    "RECORDER__DISCOVERY__LOOKAHEAD_SECONDS": "60",
    "RECORDER__DISCOVERY__MARKET_END_GRACE_SECONDS": "40",
    "RECORDER__WEBSOCKET__FIRST_MESSAGE_TIMEOUT_SECONDS": "2",
    "RECORDER__WEBSOCKET__STALE_FEED_THRESHOLD_SECONDS": "2",
    "RECORDER__WEBSOCKET__FIRST_BOOK_TIMEOUT_SECONDS": "3",
    "RECORDER__WEBSOCKET__RECONNECT_INITIAL_DELAY_SECONDS": "0.1",
    "RECORDER__WEBSOCKET__RECONNECT_MAX_DELAY_SECONDS": "1",
    "RECORDER__WEBSOCKET__PING_INTERVAL_SECONDS": "1",
    "RECORDER__REST_CHECKPOINT__INTERVAL_SECONDS": "2",
    "RECORDER__WRITER__ROTATION_INTERVAL_SECONDS": "20",
    "RECORDER__MANIFEST__WRITE_INTERVAL_SECONDS": "0.5",
}


class Footprints:
    """Memory and descriptors of each process over its life."""

    def __init__(self) -> None:
        self._rss: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._descriptors: dict[tuple[str, int], list[int]] = defaultdict(list)

    def sample(self, manifest: dict[str, Any]) -> None:
        for process in manifest["processes"]:
            if process["pid"] is None:
                continue
            key = (process["name"], process["pid"])
            try:
                handle = psutil.Process(process["pid"])
                self._rss[key].append(handle.memory_info().rss)
                self._descriptors[key].append(handle.num_fds())
            except psutil.Error:
                continue

    def growing(self) -> list[str]:
        """Processes whose last third needs clearly more than their second one."""
        return [
            f"{name} ({pid}): {what} {early:,.0f} -> {late:,.0f}"
            for what, kept, slack in (
                ("rss", self._rss, 16 * 2**20),
                ("descriptors", self._descriptors, 12),
            )
            for (name, pid), figures in kept.items()
            if len(figures) >= 30
            for early in [statistics.median(figures[len(figures) // 3 : 2 * len(figures) // 3])]
            for late in [statistics.median(figures[2 * len(figures) // 3 :])]
            if late > early * 1.2 + slack
        ]


class Troublemaker:
    """Breaks something every few seconds, by a seed."""

    def __init__(self, exchange: EmbeddedExchange) -> None:
        self._exchange = exchange
        self._chance = random.Random(SEED)
        self.done: list[str] = []

    def act(self, manifest: dict[str, Any]) -> None:
        if len(self.done) % KILL_EVERY == KILL_EVERY - 1:
            self._strike(manifest)
            return
        fault = dict(self._chance.choice(FAULTS))
        with contextlib.suppress(ExchangeError):  # no connection is open to be broken right now
            self._exchange.fault(**fault)
        self.done.append(f"exchange: {fault}")

    def _strike(self, manifest: dict[str, Any]) -> None:
        alive = [process for process in manifest["processes"] if process["pid"] is not None]
        victim = self._chance.choice(alive)
        stop = self._chance.random() < 0.4
        try:
            os.kill(victim["pid"], signal.SIGSTOP if stop else signal.SIGKILL)
            if stop:
                time.sleep(1.5)
                os.kill(victim["pid"], signal.SIGCONT)
        except ProcessLookupError:
            pass  # it has just been replaced
        self.done.append(f"{'stopped' if stop else 'killed'} {victim['name']}")


def run_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "d/manifests/polymarket_ws_recorder_latest.json"
    document: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return document


def trouble(
    folder: Path, process: "subprocess.Popen[str]", troublemaker: Troublemaker, footprints: Footprints
) -> None:
    ends_at = time.monotonic() + SECONDS
    next_fault = time.monotonic() + FAULT_EVERY_S
    while time.monotonic() < ends_at:
        assert process.poll() is None, "the recorder ended by itself"
        manifest = run_manifest(folder)
        footprints.sample(manifest)
        if time.monotonic() >= next_fault and time.monotonic() < ends_at - 8:
            troublemaker.act(manifest)
            next_fault = time.monotonic() + FAULT_EVERY_S
        time.sleep(0.5)


def test_a_long_run_with_a_fault_every_few_seconds_loses_nothing_unsaid(tmp_path: Path) -> None:
    options = SimulationOptions(seed=SEED, rate=200, window_seconds=60, oracle=str(tmp_path / "oracle"))
    with EmbeddedExchange(options, tmp_path / "exchange") as exchange:
        troublemaker, footprints = Troublemaker(exchange), Footprints()
        with (
            (tmp_path / "log").open("w") as log,
            started_command(
                "run_recorder",
                *("--data-root", "d", "--writers", "2"),
                folder=tmp_path,
                environment={**SETTINGS, **exchange_environment(exchange.urls)},
                log=log,
            ) as process,
        ):
            wait_for(lambda: run_manifest(tmp_path).get("state") == "RUNNING_RECEIVING", what="data")
            trouble(tmp_path, process, troublemaker, footprints)
            process.send_signal(signal.SIGTERM)
            exit_code = process.wait(timeout=40)
    log_text = (tmp_path / "log").read_text()
    assert exit_code == 0, log_text[-3000:]
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    verified = run_command("verify_archives", "--data-root", "d", "--json", folder=tmp_path)
    findings = json.loads(verified.stdout)["findings"]
    assert verified.returncode == 0, (findings, troublemaker.done)
    manifest = run_manifest(tmp_path)
    assert manifest["state"] == "STOPPED"
    assert manifest["counters"]["ws_messages_total"] > SECONDS * 20
    assert manifest["counters"]["reconnects_total"] > SECONDS / 30
    assert len({row["slug"] for row in manifest["markets"]}) >= 2
    assert footprints.growing() == []
    assert not list(tmp_path.glob("d/**/.*.open"))
    print(json.dumps({"done": len(troublemaker.done), **manifest["counters"]}))
