"""Hours are made by themselves: in any order, again, and with what they must say of themselves."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from common.archive.formats.account import HourAccount, path_of
from common.archive.formats.forms import FORMS
from common.archive.formats.hour import export_hour
from common.archive.formats.once import HourDone, HourWanted
from common.archive.formats.run import NAMES, Shard, export_hours, hours_of
from common.archive.formats.sources import HOUR_NS, Sources
from common.archive.replay import archives_of
from common.core.market import Exchange
from common.errors import ArchiveError
from tests.archive.formats.recorded import exported
from tests.archive.legs import HOURS
from tests.archive.recordings import DOWN, SECOND_NS, UP, Recorder
from tests.archive.rows import NOON_NS

EVER = (0, 1 << 62)
EXCHANGES: tuple[Exchange, ...] = ("live", "simulated")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    }


def made(
    root: Path,
    output: Path,
    hour_ns: int,
    name: str = "pmxt",
    *,
    markets: tuple[str, ...] = (),
    replace: bool = False,
) -> HourDone:
    form = FORMS[name]
    wanted = HourWanted(hour_ns, form.gaps, markets, replace=replace)
    return export_hour(Sources([root]), output, form, wanted)


def book(token_id: str, at_ns: int, *bids: tuple[str, str]) -> dict[str, Any]:
    levels = [{"price": price, "size": size} for price, size in bids]
    place = {"market": "0xc", "asset_id": token_id, "timestamp": str(at_ns // 10**6), "hash": str(at_ns)}
    return {"event_type": "book", **place, "bids": levels, "asks": []}


def change(token_id: str, at_ns: int, price: str, size: str) -> dict[str, Any]:
    level = {"asset_id": token_id, "price": price, "size": size, "side": "BUY", "hash": str(at_ns)}
    return {
        "event_type": "price_change",
        "market": "0xc",
        "timestamp": str(at_ns // 10**6),
        "price_changes": [level],
    }


@pytest.mark.parametrize("name", NAMES)
def test_hours_in_any_order_and_at_the_same_time_give_the_bytes_of_one_serial_export(
    root: Path, tmp_path: Path, name: str
) -> None:
    exported(root, tmp_path / "serial", name, "clear")
    exported(root, tmp_path / "parallel", name, "clear", jobs=2)
    for hour in reversed(hours_of(Sources([root]), *EVER, Shard())):
        wanted = [HourWanted(hour, "clear")]
        export_hours(Sources([root]), tmp_path / "backwards", name, wanted, jobs=1, done=lambda _: None)
    serial = tree(tmp_path / "serial")
    assert len(serial) > 3
    assert tree(tmp_path / "parallel") == serial
    assert tree(tmp_path / "backwards") == serial


def test_shards_share_out_the_hours(root: Path) -> None:
    sources = Sources([root])
    hours = hours_of(sources, *EVER, Shard())
    assert [hours_of(sources, *EVER, Shard(number, 2)) for number in (1, 2)] == [[hours[0]], [hours[1]]]


def test_an_hour_that_is_there_is_left_alone_and_one_that_would_be_another_is_refused(tmp_path: Path) -> None:
    with_books(tmp_path / "data")
    output = tmp_path / "out"
    assert made(tmp_path / "data", output, NOON_NS).made
    before = tree(output)
    assert not made(tmp_path / "data", output, NOON_NS).made
    with pytest.raises(ArchiveError, match="--replace"):
        made(tmp_path / "data", output, NOON_NS, markets=(UP.market_slug,))
    assert tree(output) == before
    archives_of(tmp_path / "data")[0].unlink()
    with pytest.raises(ArchiveError, match="from other archives"):
        made(tmp_path / "data", output, NOON_NS)
    replaced = made(tmp_path / "data", output, NOON_NS, replace=True)
    assert {*tree(output)} == {file.path for file in replaced.account.files} | {"about/2026-11-23T12.json"}


def with_books(root: Path) -> None:
    """A session over three hours, the second one silent: a book of the first hour lasts into the third."""
    one = Recorder(root, layout=HOURS)
    one.open(UP, DOWN)
    one.message(book(UP.token_id, one.at_ns, ("0.4", "5"), ("0.41", "7.5")))
    one.at_ns += 2 * HOUR_NS
    for n in range(6):
        one.at_ns += SECOND_NS
        one.message(change(UP.token_id, one.at_ns, "0.42", str(n + 1)))
    one.close_session()
    one.end()


def test_an_hour_begins_with_a_book_that_is_hours_old(tmp_path: Path) -> None:
    with_books(tmp_path / "data")
    account = made(tmp_path / "data", tmp_path / "out", NOON_NS + 2 * HOUR_NS).account
    [first, *_] = pq.read_table(tmp_path / "out" / account.files[0].path).to_pylist()
    assert (first["event_type"], first["bids"]) == ("book", '[["0.4","5"],["0.41","7.5"]]')
    assert account.tokens[0].stretches[0].from_ns == NOON_NS + 2 * HOUR_NS
    [note] = [note for note in account.notes if "no snapshot came" in note]
    assert note.startswith(DOWN.token_id)


def test_an_hour_without_rows_says_so_and_has_no_file(tmp_path: Path) -> None:
    with_books(tmp_path / "data")
    account = made(tmp_path / "data", tmp_path / "out", NOON_NS + HOUR_NS).account
    assert account.files == ()
    assert "nothing was recorded in this hour" in account.notes
    assert json.loads(path_of(tmp_path / "out", NOON_NS + HOUR_NS).read_bytes())["files"] == []


def fine(root: Path) -> HourAccount:
    """A level with seven decimal places comes, a trade of such a size, and then a book that fits."""
    one = Recorder(root, layout=HOURS)
    one.open(UP)
    one.message(book(UP.token_id, one.at_ns, ("0.4", "5")))
    one.at_ns += SECOND_NS
    one.message(change(UP.token_id, one.at_ns, "0.42", "1.0000001"))
    trade = change(UP.token_id, one.at_ns, "0.42", "1") | {"event_type": "last_trade_price", "price": "0.42"}
    one.message(trade | {"size": "0.0000003", "side": "BUY", "asset_id": UP.token_id})
    one.at_ns += SECOND_NS
    one.message(book(UP.token_id, one.at_ns, ("0.4", "6")))
    one.close_session()
    one.end()
    return made(root, root / "out", NOON_NS).account


def test_a_number_that_a_format_cannot_hold_is_refused_with_a_reason_and_never_rounded(
    tmp_path: Path,
) -> None:
    account = fine(tmp_path)
    rows = pq.read_table(tmp_path / "out" / account.files[0].path).to_pylist()
    assert [row["bids"] for row in rows] == ['[["0.4","5"]]', "[]", '[["0.4","6"]]', "[]"]
    assert any("the size 1.0000001 has more than 6 decimal places" in note for note in account.files[0].notes)
    assert "1 trades are left out: the size 0.0000003 has more than 6 decimal places" in account.notes
    done = made(tmp_path, tmp_path / "tardis", NOON_NS, "tardis")
    assert [token.trades for token in done.account.tokens] == [1]
    [path] = (tmp_path / "tardis").glob("incremental_book_L2/**/*.gz")
    assert b",false,bid,0.42,1.0000001\n" in gzip.decompress(path.read_bytes())


def test_a_recorder_that_died_leaves_no_book_behind(tmp_path: Path) -> None:
    one = Recorder(tmp_path, layout=HOURS)
    one.open(UP)
    one.message(book(UP.token_id, one.at_ns, ("0.4", "5")))
    one.end()
    later_ns = NOON_NS + 600 * SECOND_NS
    two = Recorder(tmp_path, "ws_reader-0-20261123T121000Z-ffff", later_ns, layout=HOURS)
    two.open(UP)
    two.at_ns += SECOND_NS
    two.message(book(UP.token_id, two.at_ns, ("0.4", "9")))
    two.close_session()
    two.end()
    [token] = made(tmp_path, tmp_path / "out", NOON_NS).account.tokens
    times = [
        ((each.from_ns - NOON_NS) // SECOND_NS, (each.until_ns - NOON_NS) // SECOND_NS)
        for each in token.stretches
    ]
    assert times == [(0, 600), (601, 601)]
    assert token.stretches[0].ended == "the recorder was started again"


def test_an_output_holds_one_format_of_one_exchange(tmp_path: Path) -> None:
    for exchange in EXCHANGES:
        one = Recorder(tmp_path / exchange, layout=HOURS, exchange=exchange)
        one.open(UP)
        one.messages(1)
        one.close_session()
        one.end()
    made(tmp_path / "live", tmp_path / "out", NOON_NS)
    later = [HourWanted(NOON_NS, "clear", replace=True)]
    for root, name in (("live", "tardis"), ("simulated", "pmxt")):
        sources = Sources([tmp_path / root])
        with pytest.raises(ArchiveError, match="holds pmxt files of live data, this is"):
            export_hours(sources, tmp_path / "out", name, later, jobs=1, done=lambda _: None)
