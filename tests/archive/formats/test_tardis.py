"""Tardis CSV files, read by their documented rules, and by hftbacktest's converter where that is installed."""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from common.core.formats.moments import GAPS, Gaps
from tests.archive.formats.recorded import Known, Ours, Timeline, differences, exported

Row = dict[str, str]
SIDES = {"bid": "BUY", "ask": "SELL", "buy": "BUY", "sell": "SELL"}


def rows_of(output: Path, kind: str) -> Iterator[Row]:
    for path in sorted(output.glob(f"{kind}/*/*/*/*/*.csv.gz"), key=place_of):
        with gzip.open(path, "rt") as file:
            yield from csv.DictReader(file)


def place_of(path: Path) -> tuple[Path, int]:
    """By hour, then by part."""
    parts = path.name.split(".part-")
    return path.parent, int(parts[1].split(".")[0]) if len(parts) > 1 else 1


def timelines(output: Path) -> dict[str, Timeline]:
    found: dict[str, list[Known]] = defaultdict(list)
    was_snapshot: dict[str, bool] = {}
    for row in rows_of(output, "incremental_book_L2"):
        timeline, is_snapshot = found[row["symbol"]], row["is_snapshot"] == "true"
        discarded = is_snapshot and not was_snapshot.get(row["symbol"], False)
        was_snapshot[row["symbol"]] = is_snapshot
        book = {} if discarded or not timeline else dict(timeline[-1][1] or {})
        place = SIDES[row["side"]], Decimal(row["price"])
        book[place] = Decimal(row["amount"])
        if not book[place]:
            del book[place]
        timeline.append((int(row["local_timestamp"]), book))
        assert row["exchange"] == "polymarket"
    return dict(found)


def trades(output: Path) -> dict[str, Counter[tuple[Decimal, Decimal, str]]]:
    found: dict[str, Counter[tuple[Decimal, Decimal, str]]] = defaultdict(Counter)
    for row in rows_of(output, "trades"):
        found[row["symbol"]][Decimal(row["price"]), Decimal(row["amount"]), SIDES[row["side"]]] += 1
        assert row["id"].startswith("0x")
    return found


@pytest.mark.parametrize("gaps", GAPS)
def test_the_books_at_random_instants_and_the_trades_are_ours(
    root: Path, truth: Ours, tmp_path: Path, gaps: Gaps
) -> None:
    accounts = exported(root, tmp_path, "tardis", gaps)
    assert differences(truth, timelines(tmp_path), 1000, accounts if gaps == "split" else ()) == []
    assert trades(tmp_path) == truth.trades


def test_each_file_begins_with_a_snapshot_and_its_rows_are_in_the_order_of_receiving(
    root: Path, tmp_path: Path
) -> None:
    exported(root, tmp_path, "tardis", "split")
    files = list(tmp_path.glob("incremental_book_L2/*/*/*/*/*.csv.gz"))
    assert any(".part-2" in path.name for path in files)
    for path in files:
        with gzip.open(path, "rt") as file:
            rows = list(csv.DictReader(file))
        assert rows[0]["is_snapshot"] == "true"
        times = [int(row["local_timestamp"]) for row in rows]
        assert times == sorted(times)
        assert {row["symbol"] for row in rows} == {path.name.split(".")[0]}
