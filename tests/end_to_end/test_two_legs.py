"""Two legs from the exchange to the archives: what one connection misses the other has."""

from pathlib import Path
from typing import Any

import pytest

from common.archive.replay import read_archive
from common.core.rows.websocket import MESSAGE_RECORD
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import assert_whole, break_connection, exchange_beside, messages, recorder
from tests.end_to_end.running import oracle_findings
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured


def test_two_legs_record_the_same_tokens_and_come_back_when_they_are_cut(tmp_path: Path) -> None:
    options = SimulationOptions(oracle=str(tmp_path / "oracle"), rate=50)
    with (
        exchange_beside(tmp_path, options) as exchange,
        recorder(tmp_path, exchange, environment={"RECORDER__WEBSOCKET__LEGS": "2"}) as running,
    ):

        def legs() -> list[dict[str, Any]]:
            told: list[dict[str, Any]] = running.manifest.get("legs", [])
            return [leg for leg in told if leg["up"] and leg["tokens"]]

        wait_for(lambda: len(legs()) == 2, what="both legs to be up")
        break_connection(exchange, "cut")
        wait_for(lambda: running.counter("reconnects_total") and len(legs()) == 2, what="the legs to be back")
        running.wait_for_more()
        running.stop()
        assert running.process.returncode == 0
    assert_whole(tmp_path)
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    recorded = messages(tmp_path)
    assert {(row["leg"], row["producer"][:12]) for row in recorded} == {
        ("a", "ws_reader-0a"),
        ("b", "ws_reader-0b"),
    }
    union = [row for row in read_archive(tmp_path / "d") if row.record_type == MESSAGE_RECORD]
    assert {row.payload for row in union} == {row["raw_text"].encode() for row in recorded}
    assert len(union) < len(recorded), "what both have comes once"
