import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import exchange_beside, recorder
from tests.end_to_end.running import oracle_findings, run_command
from tests.waiting import wait_for


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[EmbeddedExchange]:
    options = SimulationOptions(rate=200, oracle=str(tmp_path / "oracle"))
    with exchange_beside(tmp_path, options) as exchange:
        yield exchange


@pytest.mark.unmeasured
def test_a_flapping_process_is_shown_as_failed_and_still_tried_until_the_cause_is_gone(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    with recorder(tmp_path, exchange) as running:
        journal = tmp_path / "d/journal"
        aside = tmp_path / "d/aside"
        journal.rename(aside)
        journal.write_text("in the way")
        os.kill(running.pids()["archive_writer-0"], signal.SIGKILL)
        wait_for(lambda: running.manifest["state"] == "FAILED", what="FAILED")
        [flapping] = [each for each in running.manifest["processes"] if each["flapping"]]
        journal.unlink()
        aside.rename(journal)
        running.wait_for_more()
        log = running.stop()
    assert flapping["name"] == "archive_writer-0"
    assert running.process.returncode == 0, log
    assert "cannot be opened" in log
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []


@pytest.mark.unmeasured
def test_a_second_sigterm_hurries_and_the_next_run_archives_what_was_left(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    with recorder(tmp_path, exchange) as running:
        assert running.manifest["exchange"] == "simulated", "though only its URLs say so"
        writer = running.pids()["archive_writer-0"]
        os.kill(writer, signal.SIGSTOP)
        running.wait_for_more("ws_messages_total")
        running.process.send_signal(signal.SIGTERM)
        wait_for(lambda: running.manifest["state"] == "STOPPING", what="the drain that cannot end")
        running.process.send_signal(signal.SIGTERM)
        log = running.ended()
        assert not psutil.pid_exists(writer)
    assert running.process.returncode == 1
    assert "recorder stopped before everything was in archives" in log
    assert list(tmp_path.glob("d/**/.*.open"))
    with recorder(tmp_path, exchange) as running:
        running.stop()
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    verified = run_command("verify_archives", "--data-root", "d", folder=tmp_path)
    assert verified.returncode == 0, verified.stdout


def test_no_tokens_is_a_state_and_recording_begins_by_itself_when_they_appear(tmp_path: Path) -> None:
    options = SimulationOptions(rate=200, oracle=str(tmp_path / "oracle"))
    with exchange_beside(tmp_path, options) as exchange:
        nothing = {"RECORDER__DISCOVERY__SERIES": "[btc-nothing-here]"}
        with recorder(tmp_path, exchange, environment=nothing, state="RUNNING_NO_ACTIVE_TOKENS") as running:
            log = running.stop()
        assert running.process.returncode == 0, log
        found = tmp_path / "d/discovery/polymarket_btc_markets_latest.json"
        assert '"markets": []' in found.read_text()
        # Gamma fails from here on: the recorder begins with the empty file, and waits.
        exchange.fault("gamma", kind="status", status=500)
        environment = {"RECORDER__DISCOVERY__REFRESH_INTERVAL_SECONDS": "1"}
        with recorder(
            tmp_path, exchange, environment=environment, state="RUNNING_NO_ACTIVE_TOKENS"
        ) as running:
            exchange.fault("clear")
            wait_for(lambda: running.manifest["state"] == "RUNNING_RECEIVING", what="data")
            log = running.stop()
        assert running.process.returncode == 0, log
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
