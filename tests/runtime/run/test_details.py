"""What a process reports of itself, on disk and back."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from common.core.audit.books_shown import NO_BOOKS, BooksShown
from common.core.audit.confirmations import Confirmed
from common.core.audit.divergence import Divergence
from common.core.audit.wishes import Wish
from common.core.events.not_understood import Unused
from common.core.ledger.union_today import UnionToday
from common.core.operator_events.event import OperatorEvent
from common.core.recipes.account import ProofShown
from common.core.resolution.shown import ResolutionShown
from common.core.rows.gap import Gap
from common.runtime.run.details import (
    KINDS,
    NOTHING,
    ArchiveShown,
    AuditorDetails,
    CheckpointerDetails,
    Details,
    DiscoveryDetails,
    LedgerKeeperDetails,
    LedgerShown,
    ManifestDetails,
    ReaderDetails,
    ResolutionDetails,
    WriterDetails,
)
from common.runtime.run.facts import details_of_kind, details_of_one, last_details, read_facts, write_facts
from common.topology import PROCESSES
from tests.stated import OUTBOX, READER, REFERENCE, UPLOADER, facts, process, session, supervisor

NOON = "2026-11-23T12:00:00.000000Z"
GAP = Gap(declared_at_utc=NOON, cause="stale_feed", from_utc=NOON, to_utc=NOON, token_ids=("1",))
PROOF = ProofShown("found", ("market", "bids"), "search", NOON, 5, 3, 9, trusted=True)
ARCHIVE = ArchiveShown("a.jsonl.gz", "ws_raw", 3, 4, NOON, None)
BOOKS = msgspec.structs.replace(
    NO_BOOKS,
    tokens=4,
    checks={"hash": {"agree": 3}},
    recipes={"v2": (PROOF,)},
    unusable=(Unused("a reason", 2, "an example"),),
    unusual_forms={"seconds": 1},
)
EVENT = OperatorEvent(1, "one_leg", NOON, "leg a is down", "r", "h", "live")
DETAILS: dict[str, Details] = {
    "ws_reader-0a": msgspec.structs.replace(READER, gaps=(GAP,), recent_sessions=(session(NOON),)),
    "rest_checkpointer": CheckpointerDetails(outbox=OUTBOX, gaps=(GAP,), last_error="away"),
    "reference-rtds": REFERENCE,
    "resolution_poller": ResolutionDetails(
        outbox=OUTBOX, gaps=(GAP,), last_error="away", shown=ResolutionShown(3, 2, 1, 0, ("a, b",), "gone")
    ),
    "book_auditor": AuditorDetails(
        outbox=OUTBOX,
        gaps=(),
        books=BOOKS,
        divergences=(
            Divergence(token_id="1", check="hash", exchange_timestamp_ms=7, levels=({"side": "bid"},)),
        ),
        confirmed={"ws_reader-0a": Confirmed("s", 5)},
        wishes=(Wish(1, "ws_reader-0a", "s", "replace", "1", "it diverged"),),
        last_number=1,
    ),
    "archive_writer-3": WriterDetails(
        before_run={"rows_written_total": 7}, open_archives=(ARCHIVE,), closed_archives=()
    ),
    "discovery": DiscoveryDetails(last_success_at_utc=NOON, last_error="", clock_offset_s=-0.5),
    "ledger": LedgerKeeperDetails(
        ledgers=(LedgerShown("ws_raw", NOON, "gap"),), union_today=UnionToday("2026-11-23", 2)
    ),
    "uploader": UPLOADER,
    "manifest": ManifestDetails(status_url=None, events=(EVENT,), events_posted=1),
    "supervisor": supervisor(process("ws_reader-0a", 7), legs=2),
}


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "facts").mkdir()
    return tmp_path


def test_every_kind_of_process_has_details_of_its_own() -> None:
    assert KINDS.keys() == {*(kind.name for kind in PROCESSES), "supervisor"}
    assert {type(details) for details in DETAILS.values()} == set(KINDS.values())


def test_the_details_of_every_kind_are_read_as_they_were_written(run_dir: Path) -> None:
    for name, details in DETAILS.items():
        assert write_facts(run_dir, facts(name, details)) == ""
    assert {name: each.details for name, each in read_facts(run_dir).items()} == DETAILS


def test_details_are_found_by_their_kind(run_dir: Path) -> None:
    for name in ("ws_reader-0a", "ws_reader-0b", "supervisor"):
        write_facts(run_dir, facts(name, DETAILS.get(name, READER)))
    write_facts(run_dir, facts("ws_reader-1a"))
    found = read_facts(run_dir)
    assert found["ws_reader-1a"].details == NOTHING, "it has not begun its work"
    assert details_of_kind(found, ReaderDetails).keys() == {"ws_reader-0a", "ws_reader-0b"}
    assert details_of_one(found, ManifestDetails) is None
    assert last_details(run_dir, "supervisor", type(DETAILS["supervisor"])) == DETAILS["supervisor"]
    assert last_details(run_dir, "ws_reader-1a", ReaderDetails) is None


@pytest.mark.parametrize("name", DETAILS)
def test_details_without_one_of_their_fields_are_damaged_facts(run_dir: Path, name: str) -> None:
    write_facts(run_dir, facts(name, DETAILS[name]))
    path = run_dir / "facts" / f"{name}.json"
    document: dict[str, Any] = json.loads(path.read_bytes())
    for field in document["details"]:
        less = {key: value for key, value in document["details"].items() if key != field}
        path.write_text(json.dumps({**document, "details": less or {"x": 1}}))
        assert last_details(run_dir, name, type(DETAILS[name])) is None
    assert read_facts(run_dir) == {}


def test_what_an_auditor_states_of_books_before_it_has_heard_anything_is_whole() -> None:
    assert msgspec.to_builtins(NO_BOOKS).keys() == set(BooksShown.__struct_fields__)
