"""Closed archives, also those that a crash left, read whole and unchanged with what everybody has."""

import gzip
import json
import math
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from common.archive.read import closed_archives
from common.archive.salvage import recover_data_root
from common.archive.store import LaneStore
from common.core.archive_names import WS_RAW
from common.core.envelope import MESSAGE, Envelope
from common.core.market import Token
from common.core.row_facts import facts_of_row
from common.core.rows import SESSION_OPENED, control_row, message_constant, message_rest
from common.polymarket.classify import classify
from tests.archive.rows import NOON_NS, PRODUCER, RUNTIME
from tests.contexts import context_for

UP, DOWN = (
    Token("btc-updown-5m-1", "0x" + "c" * 64, digit * 77, outcome, "2026-11-23T12:05:00Z")
    for digit, outcome in (("1", "Up"), ("0", "Down"))  # as numbers, one would lose digits, one its zeros
)
CONTEXT = context_for(
    1,
    session_id=f"{PRODUCER}-c1",
    connection_sequence=1,
    url="wss://exchange.test/ws/market",
    subscription_revision=1,
    tokens=(UP, DOWN),
)
LEVELS = [{"price": f"0.{n:04}", "size": "1764000000.10"} for n in range(1, 1000)]
PAYLOADS = [
    json.dumps({"event_type": "book", "asset_id": UP.token_id, "bids": LEVELS, "asks": LEVELS}).encode(),
    json.dumps([{"event_type": "book", "asset_id": DOWN.token_id, "timestamp": "1764000000123"}]).encode(),
    b'{"event_type":"price_change","market":"0xc","price_changes":[{"asset_id":"007","price":"0.50"}]}',
    '{"event_type":"new","title":"a\u2028b \\u0000 \U0001f680 \\ud800","at":"2026-11-23"}'.encode(),
    b"PONG",
    b"not { json",
    b"\xff\xfe\x00",
]
POLARS_SCHEMA = {
    "schema_version": pl.Int64(),
    "record_type": pl.String(),
    "exchange": pl.String(),
    "producer": pl.String(),
    "session_id": pl.String(),
    "connection_sequence": pl.Int64(),
    "websocket": pl.Struct({"url": pl.String}),
    "subscription": pl.Struct({"revision": pl.Int64, "assets_ids": pl.List(pl.String)}),
    "tokens_tracked": pl.List(pl.Struct(dict.fromkeys(Token.__struct_fields__, pl.String))),
    "received_at_utc": pl.String(),
    "received_at_ns": pl.Int64(),
    "received_monotonic_ns": pl.Int64(),
    "session_opened": pl.Struct({}),
    "message_sequence": pl.Int64(),
    "global_message_sequence": pl.Int64(),
    "opcode": pl.Int64(),
    "payload_length_bytes": pl.Int64(),
    "payload_sha256": pl.String(),
    "raw_text": pl.String(),
    "raw_base64": pl.String(),
    "json": pl.String(),  # any shape: the columns of the others are the same in every row
    "json_error": pl.String(),
    "classified_event_types": pl.List(pl.String),
}
Rows = list[dict[str, Any]]
Recording = tuple[Path, bytes]


def recorded_rows(messages: int) -> list[bytes]:
    """A row of a session that opens, then messages of every shape."""
    opened = control_row(
        SESSION_OPENED,
        CONTEXT,
        producer=PRODUCER,
        exchange="live",
        received_at_ns=NOON_NS,
        received_monotonic_ns=1,
        detail={},
    )
    constant = message_constant(CONTEXT, PRODUCER, "live")
    rows = [opened + b"\n"]
    for n in range(1, messages + 1):
        payload = PAYLOADS[n % len(PAYLOADS)]
        envelope = Envelope(MESSAGE, n + 1, n, n, NOON_NS + n, n, 1, 1, payload)
        rows.append(constant + message_rest(envelope, classify(payload)))
    return rows


def append(store: LaneStore, rows: list[bytes]) -> None:
    """Append in five commits; the first row of `rows` is the store's next."""
    first = store.durable.get(PRODUCER, 0) + 1
    for n, row in enumerate(rows):
        store.append(WS_RAW, PRODUCER, first + n, row, facts_of_row(row))
        if n % (len(rows) // 5) == 0:
            store.commit()
    store.commit()


def close_in_order(root: Path, store: LaneStore) -> None:
    del root
    store.close_all()
    store.close()


def crash_and_open_again(root: Path, store: LaneStore) -> None:
    leave_more_than_was_committed(store)
    again = LaneStore.open(root, 0, layout=RUNTIME, gzip_level=1)
    assert again.totals.archives_recovered == 1
    again.close()


def crash_without_a_journal(root: Path, store: LaneStore) -> None:
    store.close()
    (root / "journal/lane-0.journal").unlink()
    [open_archive] = root.rglob("*.open")
    with open_archive.open("ab") as file:
        file.write(b"\x1f\x8b\x08 torn")
    recover_data_root(root, dry_run=False)


def leave_more_than_was_committed(store: LaneStore) -> None:
    first = store.durable[PRODUCER] + 1
    for n, row in enumerate(recorded_rows(300)):
        store.append(WS_RAW, PRODUCER, first + n, row, facts_of_row(row))
    store.close()


@pytest.fixture(scope="module", params=[close_in_order, crash_and_open_again, crash_without_a_journal])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """An archive of several members, and every line that it must hold."""
    root: Path = tmp_path_factory.mktemp("data")
    end: Callable[[Path, LaneStore], None] = request.param
    rows = recorded_rows(700)
    store = LaneStore.open(root, 0, layout=RUNTIME, gzip_level=1)
    append(store, rows)
    end(root, store)
    [archive] = closed_archives(root)
    assert archive.read_bytes().count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff") > 1
    return archive, b"".join(rows)


def parsed(lines: bytes) -> Rows:
    return [json.loads(line) for line in lines.split(b"\n")[:-1]]


def without_missing(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A table has every column in every row; what stands for nothing in it is left out."""
    return {key: value for key, value in row.items() if value is not None and not is_nan(value)}


def is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def test_zcat_and_gzip_give_every_line(recording: Recording) -> None:
    archive, lines = recording
    assert subprocess.run(["zcat", archive], check=True, capture_output=True).stdout == lines
    subprocess.run(["gzip", "--test", archive], check=True)


def test_pythons_gzip_gives_every_line(recording: Recording) -> None:
    archive, lines = recording
    with gzip.open(archive, "rb") as file:
        assert file.read() == lines


def test_pandas_reads_every_row_and_leaves_token_ids_text(recording: Recording) -> None:
    archive, lines = recording
    table = pd.read_json(archive, lines=True, compression="gzip", dtype=False)
    found = [without_missing(row) for row in table.to_dict("records")]
    assert found == [without_missing(row) for row in parsed(lines)]
    assert found[0]["subscription"]["assets_ids"] == [UP.token_id, DOWN.token_id]


def test_polars_reads_every_row_and_leaves_token_ids_text(recording: Recording) -> None:
    archive, lines = recording
    table = pl.scan_ndjson(archive, schema=POLARS_SCHEMA).collect()
    found = [without_missing(row) for row in table.to_dicts()]
    for row in found:
        if "json" in row:
            row["json"] = json.loads(row["json"])
    assert found == [without_missing(row) for row in parsed(lines)]
    assert found[0]["subscription"]["assets_ids"] == [UP.token_id, DOWN.token_id]


def test_duckdb_reads_every_row_and_leaves_token_ids_text(recording: Recording) -> None:
    archive, lines = recording
    source = f"read_json('{archive}', format='newline_delimited'"
    with duckdb.connect() as database:
        whole = database.execute(
            f"select * from {source}, columns={{row: 'JSON'}}, records=false)"
        ).fetchall()
        tracked = database.execute(
            f"select distinct subscription.assets_ids, tokens_tracked[1].token_id from {source})"
        ).fetchall()
    assert [json.loads(row[0]) for row in whole] == parsed(lines)
    assert tracked == [([UP.token_id, DOWN.token_id], UP.token_id)]
