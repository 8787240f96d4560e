"""hftbacktest's files by its own rules with numpy; and played through hftbacktest itself where that is installed."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.archive.formats.account import HourAccount
from common.archive.formats.hftbacktest import (
    BUY,
    CLEAR,
    DEPTH,
    EXCHANGE,
    LOCAL,
    SNAPSHOT,
    TRADE,
    HftbacktestWriter,
)
from common.archive.formats.output import HourFiles
from common.core.events.market_events import LevelChange
from common.core.formats.moments import GAPS, Gaps, Levels, Trade, WholeBook
from tests.archive.formats.loaders.running import loaded
from tests.archive.formats.recorded import (
    INSTANTS,
    Known,
    Ours,
    Timeline,
    at,
    differences,
    exported,
    stretches,
)
from tests.archive.rows import NOON_NS

FIELDS = [
    *(("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8")),
    *(("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8")),
]


def place_of(path: Path) -> tuple[str, int]:
    """By hour, then by part."""
    hour, _, part = path.stem.partition(".part-")
    return hour, int(part or 1)


def files_of(output: Path) -> dict[str, list[Path]]:
    folders = (path for path in output.iterdir() if path.is_dir() and path.name != "about")
    return {folder.name: sorted(folder.glob("*.npz"), key=place_of) for folder in folders}


def rows_of(path: Path, flag: int) -> Any:  # noqa: ANN401 - an array
    data = np.load(path)["data"]
    assert data.dtype == np.dtype(FIELDS, align=True)
    return data[data["ev"] & flag == flag]


def exact(number: float) -> Decimal:
    """The shortest decimal that is read as this number: what the exchange wrote, unless that has too many digits."""
    return Decimal(repr(float(number)))


def timeline_of(paths: list[Path], flag: int, time: str) -> Timeline:
    timeline: list[Known] = []
    for path in paths:
        book: dict[tuple[str, Decimal], Decimal] = {}
        for row in rows_of(path, flag):
            side = "BUY" if row["ev"] & BUY else "SELL"
            kind = int(row["ev"]) & 0xFF
            if kind == CLEAR:
                book = {place: size for place, size in book.items() if place[0] != side}
            elif kind in {DEPTH, SNAPSHOT}:
                book = book | {(side, exact(row["px"])): exact(row["qty"])}
            else:
                continue
            timeline.append((int(row[time]), {place: size for place, size in book.items() if size}))
    return timeline


@pytest.mark.parametrize("gaps", GAPS)
def test_the_books_at_random_instants_and_the_trades_are_ours(
    root: Path, truth: Ours, tmp_path: Path, gaps: Gaps
) -> None:
    accounts = exported(root, tmp_path, "hftbacktest", gaps)
    files = files_of(tmp_path)
    theirs = {token_id: timeline_of(paths, LOCAL, "local_ts") for token_id, paths in files.items()}
    assert differences(truth, theirs, 1, accounts if gaps == "split" else ()) == []
    trades: dict[str, Counter[tuple[Decimal, Decimal, str]]] = defaultdict(Counter)
    for token_id, paths in files.items():
        for row in (row for path in paths for row in rows_of(path, LOCAL) if int(row["ev"]) & 0xFF == TRADE):
            side = "BUY" if row["ev"] & BUY else "SELL"
            trades[token_id][exact(row["px"]), exact(row["qty"]), side] += 1
    assert trades == truth.trades


def test_both_orders_are_kept_and_both_lead_to_the_same_books(root: Path, tmp_path: Path) -> None:
    exported(root, tmp_path, "hftbacktest", "split")
    for paths in files_of(tmp_path).values():
        for path in paths:
            for flag, time in ((EXCHANGE, "exch_ts"), (LOCAL, "local_ts")):
                assert (np.diff(rows_of(path, flag)[time]) >= 0).all()
            data = np.load(path)["data"]
            assert (data["local_ts"] >= data["exch_ts"]).all()
            assert len(rows_of(path, EXCHANGE)) == len(rows_of(path, LOCAL))
            ends = [timeline_of([path], flag, "local_ts")[-1][1] for flag in (EXCHANGE, LOCAL)]
            assert ends[0] == ends[1]


def test_a_trade_that_is_told_late_is_written_once_for_each_order(tmp_path: Path) -> None:
    files, at_ns = HourFiles(tmp_path), NOON_NS
    writer = HftbacktestWriter(files, NOON_NS, {}, "split")
    ms = NOON_NS // 10**6
    writer.take(WholeBook("7", at_ns, ms, (("0.4", "5"),), ()))
    writer.take(Levels("7", at_ns + 9 * 10**6, ms + 8, (LevelChange("7", "0.4", "3", "BUY"),)))
    writer.take(Trade("7", at_ns + 10 * 10**6, ms + 3, "0.4", "2", "SELL", "", ""))
    files.publish(writer.finish())
    [path] = tmp_path.rglob("*.npz")
    kinds = [(int(row["ev"]) & 0xFF, int(row["ev"]) >> 30) for row in np.load(path)["data"]]
    assert kinds == [(3, 3), (4, 3), (3, 3), (TRADE, 2), (DEPTH, 3), (TRADE, 1)]


def played(
    truth: Ours, files: dict[str, list[list[Path]]], accounts: Sequence[HourAccount], unit_ns: int
) -> list[str]:
    """Where hftbacktest's books are others than ours, at random instants in the stretches of each file."""
    wanted: list[dict[str, list[Any]]] = []
    places: list[str] = []
    for token_id, runs in files.items():
        for paths, (first, last) in zip(runs, stretches(accounts, token_id), strict=True):
            instants = sorted(
                each for each in truth.times(token_id) if first <= each // unit_ns * unit_ns < last - unit_ns
            )
            wanted.append({"paths": [str(path) for path in paths], "instants": instants})
            places.append(token_id)
    assert sum(len(each["instants"]) for each in wanted) > len(files) * INSTANTS // 2
    wrong = []
    answers = loaded("hftbacktest", "hftbacktest_books.py", wanted)
    for token_id, asked, books in zip(places, wanted, answers, strict=True):
        for instant, sides in zip(asked["instants"], books, strict=True):
            expected: dict[str, dict[float, float]] = {"BUY": {}, "SELL": {}}
            for (side, price), size in (
                at(truth.books[token_id], instant // unit_ns * unit_ns + unit_ns - 1) or {}
            ).items():
                expected[side][float(price)] = float(size)
            if [dict(side) for side in sides] != list(expected.values()):
                wrong.append(f"{token_id[:8]} at {instant}")
    return wrong


@pytest.mark.timeout(1200)
def test_hftbacktest_itself_has_our_books_at_random_instants(root: Path, truth: Ours, tmp_path: Path) -> None:
    accounts = exported(root, tmp_path, "hftbacktest", "split")
    files = {token_id: [[path] for path in paths] for token_id, paths in files_of(tmp_path).items()}
    assert played(truth, files, accounts, 1) == []


@pytest.mark.timeout(1200)
def test_hftbacktest_has_our_books_from_tardis_files_too(root: Path, truth: Ours, tmp_path: Path) -> None:
    accounts = exported(root, tmp_path, "tardis", "split")
    files = {
        token_id: [
            [path] for path in sorted(tmp_path.glob(f"incremental_book_L2/**/{token_id}.*"), key=part_of)
        ]
        for token_id in truth.books
    }
    assert played(truth, files, accounts, 1000) == []


def part_of(path: Path) -> tuple[Path, int]:
    _, _, part = path.name.removesuffix(".csv.gz").partition(".part-")
    return path.parent, int(part or 1)
