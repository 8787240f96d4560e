"""Events and books for programs: what they give is what a replay gives."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.archive.formats.reading import books_at, load_events
from common.core.instants import utc_text
from common.errors import ArchiveError
from procs.commands import export_parquet
from tests.archive.formats.recorded import HOUR_S, WORLD, at, levels, ours
from tests.archive.formats.test_hours import with_books
from tests.archive.recordings import SECOND_NS, UP
from tests.archive.rows import NOON_NS


def test_books_at_random_instants_are_ours_and_unknown_ones_are_left_out(root: Path) -> None:
    truth = ours(root, together=True)
    instants = truth.times(WORLD.tokens[0].token_id)
    found = {
        (book.at_ns, book.token.token_id): levels(book.bids, book.asks) for book in books_at(root, instants)
    }
    expected = {
        (instant, token_id): known
        for instant in instants
        for token_id, timeline in truth.books.items()
        if (known := at(timeline, instant)) is not None
    }
    assert {place: each for place, each in found.items() if each} == expected
    assert len(expected) > len(instants)


def test_a_book_is_known_though_its_snapshot_is_hours_old(tmp_path: Path) -> None:
    with_books(tmp_path)
    [book] = books_at(tmp_path, [utc_text(NOON_NS + 2 * 3600 * SECOND_NS + 3 * SECOND_NS)])
    assert (book.token, book.bids[0]) == (UP, ("0.42", "3"))
    assert list(books_at(tmp_path, [])) == []


def test_events_are_the_exported_ones(root: Path, tmp_path: Path) -> None:
    arguments = ["--data-root", str(root), "--output", str(tmp_path), "--tables", "events"]
    assert export_parquet.main(arguments) == 0
    files = sorted(tmp_path.rglob("*.parquet"))
    exported = pa.concat_tables([pq.read_table(path, partitioning=None) for path in files])
    events = load_events(root)
    assert events.equals(exported)
    assert len(pl.from_arrow(events)) == events.num_rows > 1000
    half = load_events(root, until=HOUR_S * SECOND_NS)
    assert half.num_rows + load_events(root, since=HOUR_S * SECOND_NS).num_rows == events.num_rows
    with pytest.raises(ArchiveError, match="there is no market no-such"):
        load_events(root, markets=["no-such"])
