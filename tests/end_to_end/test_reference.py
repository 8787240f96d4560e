"""Reference prices in a whole recorder: beside the books, and without any power over them."""

from pathlib import Path
from typing import Any

import pytest

from common.archive.reference_prices import reference_prices
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import Recorder, assert_whole, exchange_beside, recorder, rows
from tests.end_to_end.running import run_here
from tests.waiting import wait_for

SETTINGS = {
    "RECORDER__REFERENCE__ENABLED": "true",
    "RECORDER__REFERENCE__SILENCE_SECONDS": "2",
    "RECORDER__WRITER__ROTATION_INTERVAL_SECONDS": "5",
}


def of_rtds(running: Recorder) -> dict[str, Any]:
    stated = running.manifest.get("reference", [])
    return next((each for each in stated if each["source"] == "rtds"), {"last_error": ""})


def causes(folder: Path) -> set[str]:
    return {row["gap"]["cause"] for row in rows(folder, "reference") if row["record_type"] == "gap"}


@pytest.mark.unmeasured
def test_prices_are_recorded_beside_the_books_and_a_source_that_fails_leaves_these_alone(
    tmp_path: Path,
) -> None:
    with (
        exchange_beside(tmp_path, SimulationOptions(rate=50)) as exchange,
        recorder(tmp_path, exchange, environment=SETTINGS) as running,
    ):
        running.wait_for_more("reference_messages_total", than=8)
        running.kill("reference-binance")
        exchange.fault("reference", kind="status", status="403", token="rtds")
        exchange.fault("reference", kind="frozen", token="rtds", count="1")
        wait_for(lambda: "403" in of_rtds(running)["last_error"], what="the refusal to be told")
        silent = of_rtds(running)
        told = {"reader_died", "stale_feed"}
        wait_for(lambda: told <= causes(tmp_path), what="both gaps in closed archives")
        running.wait_for_more("ledgers_written_total")
        manifest = running.manifest
        running.stop()
    assert running.process.returncode == 0
    assert silent["silent_since_utc"] is not None
    assert silent["coins"] == ["btc"]
    assert (manifest["state"], manifest["problems"], manifest["gaps"]) == ("RUNNING_RECEIVING", [], [])
    assert_whole(tmp_path)
    found = {price.channel for _, price in reference_prices(tmp_path / "d")}
    assert found == {"chainlink", "twap_sixty", "binance_trade", "binance_quote"}
    verified = run_here("verify_archives", "--data-root", "d", folder=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr
