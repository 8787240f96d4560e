"""A change that cannot be read: every offline reader says that the book is not known, since when and why."""

import json
from pathlib import Path

import polars as pl
import pytest

from common.archive.views.book_views import Recording, view_at
from common.archive.views.export import Wanted, export
from common.archive.writing.store import LaneStore
from common.core.instants import utc_text
from common.core.rows.facts import facts_of
from common.core.rows.names import WS_RAW, Layout
from common.core.rows.reading import row_of
from common.core.views.book_view import why_none
from common.core.views.markets_named import TokenChoice
from tests.archive.markets import MS, PRODUCER, World, rows_of, world
from tests.archive.recordings import verified
from tests.archive.test_ledgers import ledgers

REASON = "price_change: price"


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, World, int]:
    """A recording, its world, and the first message with a change that cannot be read, of the first token."""
    root: Path = tmp_path_factory.mktemp("data")
    of = world(0)
    at = next(number for number, (_, payload) in enumerate(of.messages) if b"price_changes" in payload)
    event = json.loads(of.messages[at][1])
    token_id = of.tokens[0].token_id
    next(each for each in event["price_changes"] if each["asset_id"] == token_id)["price"] = "0,5"
    messages = list(of.messages[: at + 2])
    messages[at] = messages[at][0], json.dumps(event).encode()
    store = LaneStore.open(root, 0, layout=Layout("runtime", rotation_interval_seconds=60), gzip_level=1)
    for number, row in enumerate(rows_of(messages, of.tokens), start=1):
        line = row if row.endswith(b"\n") else row + b"\n"
        store.append(WS_RAW, PRODUCER, number, line, facts_of(row_of(line)))
    store.close_all()
    store.close()
    return root, of, at


def received_ns(of: World, at: int) -> int:
    return (of.messages[at][0] + 30) * MS


def test_replay_says_since_when_and_why_and_gives_no_verdict(spoilt: tuple[Path, World, int]) -> None:
    root, of, at = spoilt
    first, second = of.tokens
    view = view_at(Recording((root,)), TokenChoice(first.token_id), received_ns(of, at) + MS, levels=5)
    assert (view.book, view.verdict) == (False, "")
    assert f"not known since {utc_text(received_ns(of, at))}: {REASON} cannot be read" in why_none(view)
    assert view_at(Recording((root,)), TokenChoice(second.token_id), received_ns(of, at) + MS, levels=5).book


def test_exported_tables_hold_no_book_there_and_list_what_was_left_out(
    spoilt: tuple[Path, World, int], tmp_path: Path
) -> None:
    root, of, at = spoilt
    done = export(root, tmp_path, Wanted())
    assert done.unusable_events == 1
    [row] = pl.read_parquet(f"{tmp_path}/left_out/**/*.parquet").to_dicts()
    assert (row["token_id"], row["reason"], row["voids_book"]) == (of.tokens[0].token_id, REASON, True)
    assert "'0,5' is not a decimal" in row["detail"]
    top = pl.read_parquet(f"{tmp_path}/top_of_book/**/*.parquet").sort("received_at")
    last = top.filter(pl.col("token_id") == of.tokens[0].token_id).tail(1).to_dicts()[0]
    assert (last["has_book"], last["bid_price"], last["ask_price"]) == (False, None, None)
    assert last["message_sequence"] == at + 1


def test_the_ledger_calls_the_token_degraded_and_verification_lists_the_reason(
    spoilt: tuple[Path, World, int],
) -> None:
    root, of, _ = spoilt
    [ledger] = ledgers(root)
    conditions = {each.token_id: (each.condition, each.unusable_events) for each in ledger.tokens}
    assert conditions[of.tokens[0].token_id][1] == 1
    assert conditions[of.tokens[1].token_id][1] == 0
    assert [(each.reason, each.events) for each in ledger.unusable] == [(REASON, 1)]
    notes = verified(root).notes
    assert any(note.startswith("1 event cannot be read") and REASON in note for note in notes), notes
