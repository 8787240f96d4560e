"""PMXT files, read as the readers of PMXT do: a table sorted by market, token and receive time."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.archive.formats.account import HourAccount
from common.archive.formats.pmxt import SCHEMA
from common.core.formats.moments import GAPS, Gaps
from tests.archive.formats.recorded import (
    WORLD,
    Known,
    Ours,
    Timeline,
    differences,
    exported,
    levels,
)


def rows_of(output: Path) -> pl.DataFrame:
    """All hours and parts; what has the same time stays in the order of the file."""
    files = sorted(output.rglob("*.parquet"), key=lambda path: (path.name, path.parent.name))
    return pl.concat(pl.read_parquet(path) for path in files)


def timelines(rows: pl.DataFrame) -> dict[str, Timeline]:
    found: dict[str, list[Known]] = defaultdict(list)
    for row in rows.sort("market", "asset_id", "timestamp_received", maintain_order=True).iter_rows(
        named=True
    ):
        timeline = found[row["asset_id"]]
        if row["event_type"] == "book":
            book = dict(levels(json.loads(row["bids"]), json.loads(row["asks"])))
        elif row["event_type"] == "price_change":
            book = dict(timeline[-1][1] or {})
            book[row["side"], row["price"]] = row["size"]
            book = {place: size for place, size in book.items() if size}
        else:
            continue
        timeline.append((int(row["timestamp_received"].timestamp() * 1000 + 0.5), book))
    return dict(found)


def trades(rows: pl.DataFrame) -> dict[str, Counter[tuple[Decimal, Decimal, str]]]:
    found: dict[str, Counter[tuple[Decimal, Decimal, str]]] = defaultdict(Counter)
    for row in rows.filter(pl.col("event_type") == "last_trade_price").iter_rows(named=True):
        found[row["asset_id"]][row["price"], row["size"], row["side"]] += 1
    return found


@pytest.mark.parametrize("gaps", GAPS)
def test_the_books_at_random_instants_and_the_trades_are_ours(
    root: Path, truth: Ours, tmp_path: Path, gaps: Gaps
) -> None:
    accounts = exported(root, tmp_path, "pmxt", gaps)
    rows = rows_of(tmp_path)
    assert differences(truth, timelines(rows), 10**6, accounts if gaps == "split" else ()) == []
    assert trades(rows) == truth.trades
    assert sum(map(len, trades(rows).values())) > 5


def test_a_file_has_the_columns_types_and_order_of_the_format(root: Path, tmp_path: Path) -> None:
    exported(root, tmp_path, "pmxt", "clear")
    files = sorted(tmp_path.glob("*.parquet"))
    assert [path.name for path in files] == [
        f"polymarket_orderbook_2026-11-18T{hour}.parquet" for hour in hours_in(tmp_path)
    ]
    for path in files:
        table = pq.read_table(path)
        assert table.schema.remove_metadata() == SCHEMA
        keys = list(zip(*(table[name].to_pylist() for name in SCHEMA.names if name in ORDER), strict=True))
        places = [(market, token, at) for at, market, token in keys]
        assert places == sorted(places)
        assert {market for market, _, _ in places} == {token.condition_id.encode() for token in WORLD.tokens}
        column = pq.ParquetFile(path).metadata.row_group(0).column(0)
        assert (column.compression, "DELTA_BINARY_PACKED" in column.encodings) == ("ZSTD", True)


ORDER = ("timestamp_received", "market", "asset_id")


def hours_in(output: Path) -> list[str]:
    return sorted(path.stem[-2:] for path in (output / "about").iterdir())


def notes_of(accounts: list[HourAccount]) -> Iterator[str]:
    return (note for account in accounts for file in account.files for note in file.notes)


def test_each_gap_is_stated_for_its_file(root: Path, tmp_path: Path) -> None:
    accounts = exported(root, tmp_path, "pmxt", "clear")
    token_id = WORLD.tokens[0].token_id
    notes = [note for note in notes_of(accounts) if note.startswith(token_id)]
    assert [note.rpartition(": ")[2] for note in notes][-1] == "the session ended"
    assert len(notes) >= 2


def test_decimals_are_exact() -> None:
    assert SCHEMA.field("price").type == pa.decimal128(9, 4)
    assert SCHEMA.field("size").type == pa.decimal128(18, 6)
