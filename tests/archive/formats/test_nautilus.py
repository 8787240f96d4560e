"""Nautilus catalogs by the format's rules with pyarrow; and read by NautilusTrader itself where that is installed."""

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from common.archive.formats.nautilus import ADD, CLEAR, DELETE, UPDATE
from common.core.formats.moments import GAPS, Gaps
from tests.archive.formats.loaders.running import loaded
from tests.archive.formats.recorded import WORLD, Known, Ours, Timeline, at, differences, exported

NAMES = {f"{token.condition_id}-{token.token_id}.POLYMARKET": token for token in WORLD.tokens}
SIDES = {1: "BUY", 2: "SELL"}
FIXED = Decimal(10) ** 16


def files_of(output: Path, kind: str, name: str) -> list[Path]:
    return sorted(output.glob(f"**/data/{kind}/{name}/*.parquet"), key=lambda path: path.name)


def rows_of(output: Path, kind: str, name: str) -> list[dict[str, Any]]:
    return [row for path in files_of(output, kind, name) for row in pq.read_table(path).to_pylist()]


def number(raw: bytes) -> Decimal:
    return int.from_bytes(raw, "little") / FIXED


def timeline_of(output: Path, name: str) -> Timeline:
    timeline: list[Known] = []
    book: dict[tuple[str, Decimal], Decimal] = {}
    for row in rows_of(output, "order_book_delta", name):
        if row["action"] == CLEAR:
            book = {}
        else:
            assert row["action"] in {ADD, UPDATE, DELETE}
            book = book | {(SIDES[row["side"]], number(row["price"])): number(row["size"])}
        if row["flags"] & 128:
            timeline.append((row["ts_init"], {place: size for place, size in book.items() if size}))
    return timeline


def trades_of(rows: list[list[str]]) -> Counter[tuple[Decimal, Decimal, str]]:
    return Counter((Decimal(price), Decimal(size), side) for price, size, side in rows)


@pytest.mark.parametrize("gaps", GAPS)
def test_the_books_at_random_instants_and_the_trades_are_ours(
    root: Path, truth: Ours, tmp_path: Path, gaps: Gaps
) -> None:
    accounts = exported(root, tmp_path, "nautilus", gaps)
    theirs = {token.token_id: timeline_of(tmp_path, name) for name, token in NAMES.items()}
    assert differences(truth, theirs, 1, accounts if gaps == "split" else ()) == []
    trades: dict[str, Counter[tuple[Decimal, Decimal, str]]] = defaultdict(Counter)
    for name, token in NAMES.items():
        for row in rows_of(tmp_path, "trade_tick", name):
            trade = number(row["price"]), number(row["size"]), SIDES[row["aggressor_side"]]
            trades[token.token_id][trade] += 1
    assert trades == truth.trades


def test_times_do_not_fall_and_files_do_not_overlap(root: Path, tmp_path: Path) -> None:
    exported(root, tmp_path, "nautilus", "clear")
    for name in NAMES:
        rows = rows_of(tmp_path, "order_book_delta", name)
        times = [row["ts_init"] for row in rows]
        assert times == sorted(times)
        first, second = files_of(tmp_path, "order_book_delta", name)
        assert first.stem.partition("_")[2] < second.stem.partition("_")[0]
        ids = [row["trade_id"] for row in rows_of(tmp_path, "trade_tick", name)]
        assert all(len(each) <= 36 for each in ids)


@pytest.mark.timeout(1200)
def test_nautilus_itself_has_our_books_and_trades(root: Path, truth: Ours, tmp_path: Path) -> None:
    exported(root, tmp_path, "nautilus", "clear")
    instants = {name: sorted(truth.times(token.token_id)) for name, token in NAMES.items()}
    found = loaded("nautilus_trader", "nautilus_books.py", {"catalog": str(tmp_path), "instants": instants})
    for name, token in NAMES.items():
        answer = found[name]
        assert answer["outcome"] == token.outcome
        assert trades_of(answer["trades"]) == truth.trades[token.token_id]
        for instant, sides in zip(instants[name], answer["books"], strict=True):
            theirs = {
                (side, Decimal(price)): Decimal(size)
                for side, levels in zip(("BUY", "SELL"), sides, strict=True)
                for price, size in levels
            }
            assert theirs == (at(truth.books[token.token_id], instant) or {}), instant
