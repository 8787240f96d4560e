"""Processes of a running recorder are killed; the exchange's own account tells whether anything was lost."""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.runtime.run.run_dir import default_run_dir
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import assert_whole, messages, recorder, rows
from tests.end_to_end.running import oracle_findings, run_command
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured
RATE = 400


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[EmbeddedExchange]:
    """An exchange that outlives the recorder, with its oracle in `oracle`."""
    options = SimulationOptions(rate=RATE, oracle=str(tmp_path / "oracle"))
    with EmbeddedExchange(options, tmp_path / "exchange") as running:
        yield running


def test_kills_of_all_but_the_reader_lose_nothing_double_nothing_and_are_not_noticed_by_the_stream(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    others = ("rest_checkpointer", "manifest", "discovery")
    with recorder(tmp_path, exchange, "--writers", "2") as running:
        running.wait_for_more("rest_requests_total", than=0)
        for name in ("archive_writer-0", "archive_writer-1", "archive_writer-0", *others):
            running.wait_for_more()
            running.kill(name)
        running.wait_for_more("rest_requests_total")
        running.wait_for_more()
        log = running.stop()
    assert running.process.returncode == 0, log
    assert running.manifest["state"] == "STOPPED"
    assert running.counter("process_restarts_total") == 6
    assert running.counter("archives_recovered_total") >= 1, "INCONCLUSIVE: no kill met an open archive"
    assert running.counter("gaps_total") == 0
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    assert_whole(tmp_path)
    checkpoints = rows(tmp_path, "rest_checkpoints")
    assert running.counter("rows_written_total") == len(rows(tmp_path, "ws_raw")) + len(checkpoints)
    lives: dict[str, list[int]] = {}
    for row in checkpoints:
        lives.setdefault(row["session_id"], []).append(row["checkpoint_sequence"])
    assert len(lives) == 2
    assert all(sorted(given) == list(range(1, len(given) + 1)) for given in lives.values())


def test_a_killed_reader_keeps_what_it_received_and_its_successor_declares_the_outage(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    with recorder(tmp_path, exchange) as running:
        running.wait_for_more("ws_messages_total")
        received = running.counter("ws_messages_total")
        for reconnects in (0, 1):
            running.kill("ws_reader-0")
            running.wait_for_more("reconnects_total", than=reconnects)
            running.wait_for_more("ws_messages_total")
        log = running.stop()
    assert running.process.returncode == 0, log
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    assert_whole(tmp_path)
    found = rows(tmp_path, "ws_raw")
    assert len({row["producer"] for row in found}) == 1, "the outbox went on"
    by_connection = Counter(row["connection_sequence"] for row in messages(tmp_path))
    assert by_connection[1] >= received > 0
    assert len(by_connection) == 3
    gaps = [row["gap"] for row in found if row["record_type"] == "gap"]
    assert [gap["cause"] for gap in gaps] == ["reader_died", "reader_died"]
    gap = gaps[0]
    first = [row for row in messages(tmp_path) if row["connection_sequence"] == 1]
    assert gap["from_utc"] == max(row["received_at_utc"] for row in first)
    assert gap["to_utc"] > gap["from_utc"]
    [died] = [
        row["session_closed"]
        for row in found
        if row["record_type"] == "session_closed" and row["connection_sequence"] == 1
    ]
    assert died["reason"] == "reader_died"
    assert died["messages"] == len(first)
    assert running.counter("gaps_total") >= 1


def test_when_the_supervisor_is_killed_the_others_drain_close_and_end(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    with recorder(tmp_path, exchange) as running:
        running.process.kill()
        log = running.ended()
    assert "supervisor is gone, finishing" in log
    assert "Traceback" not in log
    assert running.manifest["state"] == "STOPPED"
    assert len(messages(tmp_path)) > 100
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    assert_whole(tmp_path)


def test_a_new_recorder_may_start_while_the_orphans_of_a_killed_one_still_drain(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    with recorder(tmp_path, exchange) as first:
        orphaned = first.manifest["run_id"]
        first.process.kill()
        with recorder(tmp_path, exchange) as second:
            wait_for(lambda: second.manifest["run_id"] != orphaned, what="the new run's manifest")
            second.wait_for_more()
            log = second.stop()
        first.ended()
    assert second.process.returncode == 0, log
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    assert_whole(tmp_path)


def test_when_all_processes_are_killed_at_once_the_next_run_brings_everything_home(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    with recorder(tmp_path, exchange) as running:
        running.wait_for_more("ws_messages_total")
        received = running.counter("ws_messages_total")
        victims = [running.process.pid, *running.pids().values()]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        running.ended()
    assert list((tmp_path / "d").rglob(".*.open")), "INCONCLUSIVE: nothing was open"
    with recorder(tmp_path, exchange) as following:
        log = following.stop()
    assert following.process.returncode == 0, log
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    assert_whole(tmp_path)
    assert len([row for row in messages(tmp_path) if row["connection_sequence"] == 1]) >= received
    assert [row["gap"]["cause"] for row in rows(tmp_path, "ws_raw") if "gap" in row] == ["reader_died"]
    assert following.counter("archives_recovered_total") >= 1


def test_after_a_power_cut_the_time_until_it_records_again_is_a_gap(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    with recorder(tmp_path, exchange) as running:
        running.wait_for_more()
        for pid in (running.process.pid, *running.pids().values()):
            os.kill(pid, signal.SIGKILL)
        running.ended()
    shutil.rmtree(default_run_dir(tmp_path / "d"))  # it was in memory
    with recorder(tmp_path, exchange) as following:
        log = following.stop()
    assert following.process.returncode == 0, log
    recorded = rows(tmp_path, "ws_raw")
    [gap] = [row for row in recorded if row["record_type"] == "gap"]
    assert gap["gap"]["cause"] == "machine_stopped"
    before = [row["received_at_utc"] for row in recorded if row["producer"] != gap["producer"]]
    assert gap["gap"]["from_utc"] == max(before)
    assert gap["gap"]["to_utc"] == gap["received_at_utc"]
    verified = run_command("verify_archives", "--data-root", "d", folder=tmp_path)
    assert verified.returncode == 0, verified.stdout
    assert not (tmp_path / "d/journal/unended-run.json").exists()
