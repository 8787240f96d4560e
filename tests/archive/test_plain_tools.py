"""Closed archives, also those that a crash left, read whole and unchanged with what everybody has."""

import gzip
import json
import math
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import chdb
import duckdb
import jq
import pandas as pd
import polars as pl
import pyarrow.json
import pytest

from common.archive.read import closed_archives
from common.archive.salvage.data_root import recover_data_root
from common.archive.schema import for_polars, for_pyarrow, render
from common.archive.writing.store import LaneStore
from common.core.envelope import MESSAGE, Envelope
from common.core.market import Token
from common.core.rows.facts import facts_of
from common.core.rows.names import WS_RAW
from common.core.rows.origin import Origin
from common.core.rows.reading import row_of
from common.core.rows.websocket import SESSION_OPENED, control_row, message_constant, message_rest
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
    b'{"event_type":"new","id":18446744073709551615,"low":-9223372036854775808,"rate":1.5e-308}',
    b'{"event_type":"new","id":66357492701247383286635749270124738328}',
    b'{"event_type":"new","rate":1e999,"ratio":0e999}',
    b'{"event_type":"new","more":' + b"[" * 99 + b"]" * 99 + b"}",
    b'{"event_type":"new","more":' + b'{"a":' * 99 + b"1" + b"}" * 99 + b"}",
    b'{"event_type":"new","more":' + b"[" * 100 + b"]" * 100 + b"}",
    b'{"event_type":"new","more":1,"more":{"more":2,"more":[]}}',
    rb'{"event_type":"new","title":"\udc00"}',
    b"18446744073709551615",
    b'[1,"a",{"b":2},null,[3]]',
]
REFUSED = {n for n, payload in enumerate(PAYLOADS) if classify(payload).json_bytes is None}
Rows = list[dict[str, Any]]
Recording = tuple[Path, bytes]


def recorded_rows(messages: int) -> list[bytes]:
    """A row of a session that opens, then messages of every shape."""
    opened = control_row(
        SESSION_OPENED,
        CONTEXT,
        origin=Origin(PRODUCER),
        received_at_ns=NOON_NS,
        received_monotonic_ns=1,
        detail={},
    )
    constant = message_constant(CONTEXT, Origin(PRODUCER))
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
        store.append(WS_RAW, PRODUCER, first + n, row, facts_of(row_of(row)))
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
        store.append(WS_RAW, PRODUCER, first + n, row, facts_of(row_of(row)))
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
    table = pl.scan_ndjson(archive, schema=for_polars.WS_RAW).collect()
    found = [without_missing(row) for row in table.to_dicts()]
    for row in found:
        for name in {"json", "session_opened"} & row.keys():
            row[name] = json.loads(row[name])
    assert found == [without_missing(row) for row in parsed(lines)]
    assert found[0]["subscription"]["assets_ids"] == [UP.token_id, DOWN.token_id]


def test_pyarrow_reads_every_row_but_for_values_of_any_shape(recording: Recording) -> None:
    archive, lines = recording
    with gzip.open(archive) as file:
        table = pyarrow.json.read_json(
            file, read_options=for_pyarrow.WHOLE_ROWS, parse_options=for_pyarrow.WS_RAW
        )
    found = [without_missing(row) for row in table.to_pylist()]
    expected = [without_missing(row) for row in parsed(lines)]
    for row in expected:
        row.pop("json", None)
        row.pop("session_opened", None)
    assert found == expected


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
        database.execute((render.FOLDER / "duckdb.sql").read_text())
        typed = database.execute(f"select raw_text, json, tokens_tracked from ws_raw('{archive}')").fetchall()
    assert [json.loads(row[0]) for row in whole] == parsed(lines)
    assert tracked == [([UP.token_id, DOWN.token_id], UP.token_id)]
    for (text, value, tokens), row in zip(typed, parsed(lines), strict=True):
        assert (text, tokens) == (row.get("raw_text"), row["tokens_tracked"])
        assert (value if value is None else json.loads(value)) == row.get("json")


def test_clickhouse_reads_every_row_and_leaves_token_ids_text(recording: Recording) -> None:
    archive, lines = recording
    structure = (render.FOLDER / "ws_raw.clickhouse").read_text()
    query = (
        "select raw_text, json, payload_sha256, tupleElement(subscription, 'assets_ids') as assets_ids"
        f" from file('{archive}', 'JSONEachRow', '{structure}')"
    )
    found = parsed(chdb.query(query, "JSONEachRow").bytes())
    for got, row in zip(found, parsed(lines), strict=True):
        assert got["assets_ids"] == [UP.token_id, DOWN.token_id]
        assert (got["raw_text"], got["payload_sha256"]) == (row.get("raw_text"), row.get("payload_sha256"))
        value = None if got["json"] is None else json.loads(got["json"])
        assert value == row.get("json")


def test_jq_reads_every_row(recording: Recording) -> None:
    archive, lines = recording
    with gzip.open(archive, "rt") as file:
        texts = jq.compile(".raw_text").input_text(file.read()).all()
    assert texts == [row.get("raw_text") for row in parsed(lines)]


def test_what_one_reader_would_refuse_is_kept_as_text_only(recording: Recording) -> None:
    _, lines = recording
    rows = [row for row in parsed(lines) if row["record_type"] == "message"]
    assert len(REFUSED) >= 7
    for row in rows:
        refused = row["message_sequence"] % len(PAYLOADS) in REFUSED
        assert (row["json"] is None) is refused
        assert row["json_error"] or not refused or row["raw_text"] == "PONG"


@pytest.mark.parametrize("name", sorted(render.texts()))
def test_the_shipped_schemas_are_those_of_the_fields(name: str) -> None:
    assert (render.FOLDER / name).read_text() == render.texts()[name]
