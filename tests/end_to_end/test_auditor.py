"""The book auditor at work: what it finds, what it heals, and that it never cries wolf."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import (
    Recorder,
    assert_whole,
    lose_a_change,
    recorder,
    rows,
)
from tests.end_to_end.running import oracle_findings, run_command
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured
PATIENCE_S = 120


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[EmbeddedExchange]:
    options = SimulationOptions(rate=60, oracle=str(tmp_path / "oracle"))
    with EmbeddedExchange(options, tmp_path / "exchange") as exchange:
        yield exchange


def checks(running: Recorder, check: str, *verdicts: str) -> int:
    counts = running.manifest.get("books", {}).get("checks", {}).get(check, {})
    return sum(counts.get(verdict, 0) for verdict in verdicts)


def wait_for_agreements(running: Recorder, more: int = 20) -> None:
    """Hashes agree again, and so do checkpoints."""
    for check in ("hash", "checkpoint"):
        before = checks(running, check, "agree", "agree_late")
        wait_for(
            lambda check=check, before=before: checks(running, check, "agree", "agree_late") > before + more,  # type: ignore[misc]
            what=f"more {check} checks that agree",
            timeout_s=PATIENCE_S,
        )


def divergence_rows(folder: Path) -> list[dict[str, Any]]:
    return [row["divergence"] for row in rows(folder, "ws_raw") if row["record_type"] == "divergence"]


def test_a_lost_change_is_found_recorded_and_healed_by_subscribing_the_token_again(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    with recorder(tmp_path, exchange) as running:
        wait_for_agreements(running)
        lose_a_change(running, exchange)
        running.wait_for_more("divergences_resubscribed_total", than=0)
        running.kill("book_auditor")
        wait_for_agreements(running)
        wait_for(
            lambda: running.manifest["books"]["unhealed"] == 0,
            what="the token to agree",
            timeout_s=PATIENCE_S,
        )
        told = running.manifest["divergences"]
        running.stop()
    found = divergence_rows(tmp_path)
    assert {row["number"] for row in found} >= {each["number"] for each in told}
    assert all(row["check"] in {"hash", "checkpoint"} and row["why"] for row in found)
    gaps = [row for row in rows(tmp_path, "ws_raw") if row["record_type"] == "gap"]
    assert {row["token_id"] for row in found} <= {token for row in gaps for token in row["gap"]["token_ids"]}
    assert {row["gap"]["cause"] for row in gaps} == {"diverged"}
    verified = run_command("verify_archives", "--data-root", "d", "--json", folder=tmp_path)
    assert verified.returncode == 0, verified.stdout
    shown = json.loads(verified.stdout)["divergences"]
    assert {each["number"] for each in shown} >= {row["number"] for row in found}
    assert any(each["levels"] for each in shown)
    assert all(level["rebuilt"] != level["exchange"] for each in shown for level in each["levels"])


def test_a_kill_or_a_pause_of_the_auditor_is_no_divergence_and_disturbs_nobody(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    with recorder(tmp_path, exchange) as running:
        wait_for_agreements(running)
        running.kill("book_auditor")
        wait_for_agreements(running)
        pid = running.pids()["book_auditor"]
        os.kill(pid, signal.SIGSTOP)
        running.wait_for_more("rest_requests_total", than=running.counter("rest_requests_total") + 5)
        running.wait_for_more("rows_written_total", than=running.counter("rows_written_total") + 200)
        os.kill(pid, signal.SIGCONT)
        wait_for_agreements(running)
        reader = running.pids()["ws_reader-0"]
        os.kill(reader, signal.SIGSTOP)
        running.wait_for_more("rest_requests_total", than=running.counter("rest_requests_total") + 5)
        os.kill(reader, signal.SIGCONT)
        wait_for_agreements(running)
        assert running.counter("divergences_total") == 0, running.manifest["divergences"]
        assert len(running.manifest["recent_sessions"]) == 1
        running.stop()
    assert divergence_rows(tmp_path) == []
    assert_whole(tmp_path)
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []


def test_windows_that_roll_with_batches_trades_and_repeats_are_checked_without_a_false_alarm(
    tmp_path: Path,
) -> None:
    environment = {
        "RECORDER__DISCOVERY__REFRESH_INTERVAL_SECONDS": "1",
        "RECORDER__DISCOVERY__MARKET_END_GRACE_SECONDS": "5",
    }
    options = SimulationOptions(rate=120, window_seconds=4)
    with (
        EmbeddedExchange(options, tmp_path / "exchange") as exchange,
        recorder(tmp_path, exchange, environment=environment) as running,
    ):
        wait_for(
            lambda: running.manifest["event_types"].get("market_resolved", 0) >= 3,
            what="windows to open and to end",
            timeout_s=PATIENCE_S,
        )
        wait_for(lambda: checks(running, "hash", "agree") > 100, what="hashes that agree", timeout_s=120)
        books = running.manifest["books"]
        assert running.counter("divergences_total") == 0, running.manifest["divergences"]
        assert set(books["recipes"]) <= {"v1", "v2"}
        assert any(each["changes_agreed"] for proofs in books["recipes"].values() for each in proofs)
        assert books["recipes_unknown"] == {}
        hashes = books["checks"]["hash"]
        assert set(hashes) <= {"agree", "agree_late", "not_checkable"}
        assert set(books["not_checkable"]) <= {
            "no checkpoint yet",
            "no snapshot yet",
            "older than the snapshot",
            "the book ended",
            "the stream went past it",
            "the first checkpoint tells what hashes hold",
        }
        running.stop()
    assert divergence_rows(tmp_path) == []


def test_a_checkpoint_that_is_newer_than_a_silent_stream_ends_the_session_as_stale_at_once(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    environment = {"RECORDER__WEBSOCKET__STALE_FEED_THRESHOLD_SECONDS": "20"}
    with recorder(tmp_path, exchange, environment=environment) as running:
        wait_for_agreements(running)
        exchange.fault("freeze")
        running.wait_for_more("stale_reconnects_total", than=0)
        exchange.fault("clear")
        wait_for(lambda: running.manifest["state"] == "RUNNING_RECEIVING", what="data again")
        [session, *_] = [each for each in running.manifest["recent_sessions"] if each["stale"]]
        running.stop()
    assert session["close_reason"] == "stale_feed"
    assert "newer than the silent stream" in session["close_detail"]
    assert divergence_rows(tmp_path) == []
