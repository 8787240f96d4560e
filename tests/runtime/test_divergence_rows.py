"""The auditor's rows: what finds no room, or is gone from the archives, is declared, and is no gap of messages."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from common.core.audit.divergence import Divergence
from common.core.ledger.later import gap_time
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity
from common.runtime.divergence_rows import DivergenceRows
from common.runtime.process import Assignment, Runtime
from common.runtime.run.facts import Tally
from tests.contexts import context_for

FOUND = Divergence(session_id="s", token_id="11", check="hash", why="why", exchange_timestamp_ms=5)
WIDE = msgspec.structs.replace(FOUND, why="x" * 200_000)
LIMIT_BYTES = 3 << 19  # with the headroom for rows, 2.5 MiB
MANY = 20


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "o", Identity("book_auditor-1", "ws_raw"), lanes=1, limit_bytes=LIMIT_BYTES)
    yield made
    made.close(finished=False)


def rows_for(outbox: Outbox, folder: Path) -> DivergenceRows:
    document = {"run_id": "r", "mode": "runtime", "started_at_ns": 1, "settings": {}}
    document |= {"data_root": str(folder), "run_dir": str(folder)}
    return DivergenceRows(
        Runtime("book_auditor", 0, msgspec.convert(document, Assignment), Tally(None)), outbox
    )


def kept(outbox: Outbox) -> list[dict[str, Any]]:
    return [json.loads(payload) for batch in outbox.lanes[0].offered() for payload in batch.payloads]


def test_a_row_states_the_session_and_tokens_of_the_reader_whose_book_it_is_about(
    tmp_path: Path, outbox: Outbox
) -> None:
    rows = rows_for(outbox, tmp_path)
    rows.note_context(
        context_for(
            3, session_id="s", connection_sequence=2, url="ws://x", subscription_revision=4, tokens=()
        )
    )
    assert rows.record(msgspec.structs.replace(FOUND, leg="b")).number == 1
    assert rows.record(msgspec.structs.replace(FOUND, session_id="forgotten")).number == 2
    first, second = kept(outbox)
    assert (first["session_id"], first["subscription"]["revision"]) == ("s", 4)
    assert first["connection_sequence"] == 0, "rows are ordered by the connections of their own producer"
    assert (first["leg"], second["leg"]) == ("b", None)
    assert first["divergence"]["why"] == "why"
    assert (second["session_id"], second["divergence"]["number"]) == ("forgotten", 2)


def test_what_found_no_room_becomes_a_gap_of_divergences_and_of_no_messages(
    tmp_path: Path, outbox: Outbox
) -> None:
    rows = rows_for(outbox, tmp_path)
    for _ in range(MANY):
        rows.record(WIDE)
    rows.declare_missing()
    assert not rows.gaps, "there is no room yet"
    found_room, told_ns = outbox.backlog, rows.told_until_ns()
    outbox.lanes[0].forget_through(outbox.lanes[0].last_sequence)
    rows.declare_missing()
    [gap] = [row["gap"] for row in kept(outbox)]
    assert (gap["cause"], gap["missing"], gap["first_number"], gap["last_number"]) == (
        "spool_full",
        "divergences",
        found_room + 1,
        MANY,
    )
    assert gap_time(gap) is None, "ledgers check the books themselves"
    assert rows.told_until_ns() > told_ns
    assert [each.cause for each in rows.gaps] == ["spool_full"]


def test_rows_that_were_in_archives_which_are_gone_are_declared(tmp_path: Path, outbox: Outbox) -> None:
    rows = rows_for(outbox, tmp_path)
    for _ in range(MANY):
        rows.record(WIDE)
        outbox.lanes[0].forget_through(outbox.lanes[0].last_sequence)
    lost = outbox.agreement.agree(0, 0, number=0, at_ns=0)
    assert lost is not None
    rows.declare_missing()
    [gap] = [row["gap"] for row in kept(outbox) if "gap" in row]
    assert gap["cause"] == "archives_missing"
    assert (gap["first_lane_sequence"], gap["last_lane_sequence"]) == (lost.first, lost.last)
    assert gap["from_utc"] <= gap["to_utc"]
    assert gap["missing"] == "divergences"
