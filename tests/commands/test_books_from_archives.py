"""Books and tables from a recording of the embedded exchange, by the commands that users type."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from common.core.instants import utc_text
from common.core.views.export_columns import COLUMNS, TABLES, Table
from tests.commands.terminal import on_terminal
from tests.end_to_end.running import run_command, run_here

pytestmark = pytest.mark.unmeasured

Rows = list[Any]
Reader = Callable[[str, list[str]], Rows]


MORE: dict[Table, list[str]] = {  # columns of every kind that is compared between readers
    "events": ["event_type", "side", "price", "size_text", "hash"],
    "top_of_book": ["has_book", "bid_price", "bid_size", "ask_price", "ask_size"],
    "depth": ["event_type", "hash", "bid_prices", "bid_sizes", "ask_prices", "ask_sizes"],
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the `data` of a short sample and its `tables`."""
    folder = tmp_path_factory.mktemp("recording")
    run_command(
        "record_sample",
        *("--exchange", "simulated", "--duration-seconds", "3", "--simulated-seed", "7"),
        *("--rest-checkpoint-interval-seconds", "1", "--data-root", "data"),
        folder=folder,
    )
    done = run_here("export_parquet", "--data-root", "data", "--output", "tables", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def messages(recording: Path) -> list[dict[str, Any]]:
    [path] = recording.glob("data/ws_sample/polymarket/ws_raw/*/*.jsonl.gz")
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).split(b"\n")[:-1]]
    return [row for row in rows if row["record_type"] == "message"]


def slug_of(recording: Path) -> str:
    return str(messages(recording)[0]["tokens_tracked"][0]["market_slug"])


def after_last_snapshot(recording: Path) -> tuple[str, str]:
    """A time and a token whose whole book had just come: between the frames of a batch no hash would agree."""
    for row in reversed(messages(recording)):
        for event in row["json"] if isinstance(row["json"], list) else [row["json"] or {}]:
            if event.get("event_type") == "book":
                return utc_text(row["received_at_ns"] + 1000), event["asset_id"]
    raise AssertionError("the recording holds no book")


def replay_book(recording: Path, *arguments: str) -> tuple[int, str, str]:
    done = run_here("replay_book", "--data-root", "data", *arguments, folder=recording)
    return done.returncode, done.stdout, done.stderr


def with_duckdb(pattern: str, names: list[str]) -> Rows:
    shown = ", ".join("epoch_ns(received_at)" if name == "received_at" else name for name in names)
    with duckdb.connect() as database:
        order = "order by received_at, global_message_sequence, event_index"
        query = f"select {shown} from read_parquet('{pattern}', hive_partitioning = true) {order}"
        return database.execute(query).fetchall()


def with_polars(pattern: str, names: list[str]) -> Rows:
    table = (
        pl.scan_parquet(pattern).select(names).with_columns(pl.col("received_at").cast(pl.Int64)).collect()
    )
    return table.rows()


def with_pandas(pattern: str, names: list[str]) -> Rows:
    folder = pattern.partition("/**")[0]
    table = pd.read_parquet(folder, columns=names)
    table["received_at"] = table["received_at"].astype("int64")
    table = table.astype(object).where(table.notna(), None)
    return list(table.itertuples(index=False, name=None))


@pytest.mark.parametrize("read", [with_duckdb, with_polars, with_pandas])
def test_every_reader_gives_the_rows_of_the_recording_in_order(recording: Path, read: Reader) -> None:
    names = ["received_at", "token_id", "price_text", "size_text", "event_type"]
    found = read(f"{recording}/tables/events/**/*.parquet", names)
    wanted = [
        (row["received_at_ns"], change["asset_id"], change["price"], change["size"])
        for row in messages(recording)
        for event in (row["json"] if isinstance(row["json"], list) else [row["json"] or {}])
        for change in event.get("price_changes", ())
    ]
    changed = [row[:4] for row in found if row[4] == "price_change"]
    assert len(wanted) > 100
    assert sorted(map(str, changed)) == sorted(map(str, wanted))
    assert [row[0] for row in found] == sorted(row[0] for row in found)


@pytest.mark.parametrize("table", sorted({*TABLES} - {"left_out"}))  # in a sound recording it has no rows
def test_the_columns_are_the_promised_ones_and_all_readers_agree_on_the_rows(
    recording: Path, table: Table
) -> None:
    pattern = f"{recording}/tables/{table}/**/*.parquet"
    assert list(pl.read_parquet_schema(next(recording.glob(f"tables/{table}/*/*/*.parquet")))) == [
        column.name for column in COLUMNS[table]
    ]
    names = ["received_at", "session_id", "token_id", "event_index", *MORE[table]]
    found = [as_text(read(pattern, names)) for read in (with_duckdb, with_polars, with_pandas)]
    assert len(found[0]) > 100
    assert found[0] == found[1] == found[2]


def as_text(rows: Rows) -> list[str]:
    """Rows in one order and one writing: readers give lists, arrays and decimals of their own."""
    return sorted(
        str([value.tolist() if hasattr(value, "tolist") else value for value in row]) for row in rows
    )


def test_typed_prices_are_the_texts(recording: Path) -> None:
    table = pl.read_parquet(f"{recording}/tables/events/**/*.parquet").filter(pl.col("price").is_not_null())
    assert table.height > 100
    assert (table["price"].cast(pl.Float64) - table["price_text"].cast(pl.Float64)).abs().max() == 0
    assert table["size"].is_not_null().all()


def test_depth_begins_with_what_top_of_book_tells(recording: Path) -> None:
    with duckdb.connect() as database:
        query = f"""select count(*), count(*) filter (t.bid_price is not distinct from d.bid_prices[1]
                and t.ask_price is not distinct from d.ask_prices[1] and t.ask_size is not distinct from d.ask_sizes[1])
            from read_parquet('{recording}/tables/top_of_book/**/*.parquet') t
            join read_parquet('{recording}/tables/depth/**/*.parquet') d
            using (producer, global_message_sequence, event_index, token_id)"""
        joined = database.execute(query).fetchone()
    assert joined is not None
    assert joined[0] == joined[1] > 10


def test_an_hour_that_was_exported_is_replaced_only_when_told_to(recording: Path) -> None:
    before = {path: path.read_bytes() for path in recording.glob("tables/**/*.parquet")}
    again = ("export_parquet", "--data-root", "data", "--output", "tables")
    refused = run_here(*again, folder=recording)
    assert refused.returncode == 1
    assert "was exported before; say --replace" in refused.stderr
    assert run_here(*again, "--replace", folder=recording).returncode == 0
    assert {path: path.read_bytes() for path in recording.glob("tables/**/*.parquet")} == before
    assert not list(recording.glob("tables/**/.*.open"))


def test_a_market_that_is_not_there_leaves_nothing_and_names_those_that_are(recording: Path) -> None:
    arguments = ("--data-root", "data", "--output", "none", "--market", "btc-nope")
    done = run_here("export_parquet", *arguments, folder=recording)
    assert done.returncode == 1
    assert "there is no market btc-nope" in done.stderr
    assert slug_of(recording) in done.stderr
    assert [path.name for path in (recording / "none").iterdir()] == [".export.lock"]


def test_one_market_and_one_table_can_be_chosen(recording: Path) -> None:
    slug = slug_of(recording)
    arguments = ("--output", "one", "--market", slug, "--tables", "top_of_book", "--depth", "1")
    assert run_here("export_parquet", "data", *arguments, folder=recording).returncode == 0
    table = pl.read_parquet(f"{recording}/one/**/*.parquet")
    assert table["market_slug"].cast(pl.String).unique().to_list() == [slug]
    assert [path.name for path in (recording / "one").iterdir() if path.is_dir()] == ["top_of_book"]


def test_the_book_at_a_time_bears_the_exchanges_own_hash(recording: Path) -> None:
    at, token_id = after_last_snapshot(recording)
    shown = replay_book(recording, "--token", token_id, "--at", at, "--json", "--depth", "3")
    assert shown[0] == 0, shown[2]
    document = json.loads(shown[1])
    assert document["verdict"] == "agree"
    assert document["exchange"] == "simulated"
    assert len(document["bids"]) <= 3
    assert document["bid_levels"] + document["ask_levels"] > 3
    named = ("--market", document["market_slug"], "--outcome", document["outcome"], "--at", at)
    shown_in_words = replay_book(recording, *named)[1]
    assert "hash agree" in shown_in_words
    assert "simulated" in shown_in_words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--market", "btc-nope"), "there is no market btc-nope"),
        (("--token", "77"), "there is no token 77"),
    ],
)
def test_what_is_not_recorded_is_named_with_what_is(
    recording: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, _, said = replay_book(recording, *arguments, "--at", after_last_snapshot(recording)[0])
    assert code == 1
    assert words in said
    assert slug_of(recording) in said


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"])
def test_a_time_outside_of_what_was_recorded_is_refused_with_what_was(recording: Path, at: str) -> None:
    code, shown, said = replay_book(recording, "--market", slug_of(recording), "--at", at)
    first, last = (messages(recording)[number]["received_at_utc"][:13] for number in (0, -1))
    assert (code, shown) == (1, "")
    assert "is outside of what was recorded" in said
    assert f"from {first}" in said
    assert f" to {last}" in said


def test_stepping_needs_a_terminal(recording: Path) -> None:
    code, _, said = replay_book(recording, "--market", slug_of(recording))
    assert code == 2
    assert "say --at TIME" in said


def test_keys_step_on_and_back_and_the_terminal_is_given_back(recording: Path) -> None:
    arguments = ("--data-root", str(recording / "data"), "--market", slug_of(recording))
    with on_terminal("replay_book", *arguments) as terminal:
        terminal.wait_until_shown("event 1")
        terminal.press("n ")
        terminal.wait_until_shown("event 3")
        terminal.press("p")
        terminal.wait_until_shown("event 2")
        terminal.press("+")
        terminal.wait_until_shown("the recording ends here")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert terminal.written.endswith("\x1b[?1049l")
