"""The ledgers of a real recording with windows of a second or two."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.archive.ledger import read_ledger, stored_ledgers
from common.archive.verify.data_root import verify_data_root
from common.core.ledger.document import AnyLedger, FeedLedger
from common.core.rows.names import REST_CHECKPOINTS, WS_RAW
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import exchange_beside, lose_a_change, recorder
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured

SHORT = {"RECORDER__WRITER__ROTATION_INTERVAL_SECONDS": "2"}


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[EmbeddedExchange]:
    """An exchange that outlives the recorder."""
    options = SimulationOptions(rate=200)
    with exchange_beside(tmp_path, options) as running:
        yield running


def ledgers_of(root: Path) -> list[AnyLedger]:
    return [read_ledger(path) for _, path in sorted(stored_ledgers(root, WS_RAW).items())]


def test_ledgers_follow_a_killed_reader_and_verification_gives_the_same(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    root = tmp_path / "d"
    with recorder(tmp_path, exchange, environment=SHORT) as running:
        wait_for(lambda: len(stored_ledgers(root, WS_RAW)) >= 2, what="two ledgers")
        lost_of = lose_a_change(running, exchange)
        running.wait_for_more("divergences_resubscribed_total", than=0)
        wait_for(lambda: running.manifest["divergences"], what="the levels of the divergence")
        running.kill("ws_reader-0")
        running.kill("ledger")
        killed_at = max(stored_ledgers(root, WS_RAW))
        wait_for(
            lambda: max(stored_ledgers(root, WS_RAW)) > killed_at + 6 * 10**9,
            what="later ledgers",
            timeout_s=120,
        )
        wait_for(
            lambda: "reader_died" in {gap.cause for ledger in ledgers_of(root) for gap in ledger.gaps},
            what="a ledger with the death of the reader",
            timeout_s=120,
        )
        wait_for(
            lambda: "complete" in {each["condition"] for each in running.manifest["ledgers"]},
            what="the run manifest to show a complete window",
            timeout_s=120,
        )
        running.stop()
    ledgers = ledgers_of(root)
    assert "complete" in {ledger.condition for ledger in ledgers}
    told = [token for ledger in ledgers if isinstance(ledger, FeedLedger) for token in ledger.tokens]
    assert sum(token.checks_passed for token in told) > 0
    diverged = [token for token in told if token.divergences]
    assert lost_of in {token.token_id for token in diverged}
    assert not [token for token in diverged if token.condition == "complete"]
    assert set(stored_ledgers(root, REST_CHECKPOINTS)) >= set(stored_ledgers(root, WS_RAW))
    found = verify_data_root(root, partial=False, progress=lambda _rows: None)
    assert found.findings == ()
    assert sum(hour.compared for hour in found.hours) >= 2 * len(ledgers) - 2
    path = stored_ledgers(root, WS_RAW)[killed_at]
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps(document | {"messages": document["messages"] + 1}))
    [finding] = verify_data_root(root, partial=False, progress=lambda _rows: None).findings
    assert finding.kind == "ledger"
    assert f"says messages {document['messages'] + 1}" in finding.words
