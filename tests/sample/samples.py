"""A sample as the recorder leaves it: rows with honest checksums, written through the store."""

import hashlib
import json
from pathlib import Path
from typing import Any

from common.archive.writing.store import LaneStore
from common.core.instants import utc_text
from common.core.market import Exchange, Market, Token
from common.core.rows.facts import facts_of
from common.core.rows.names import REST_CHECKPOINTS, WS_RAW, Layout
from common.core.rows.reading import row_of
from common.core.sample.account import Reason, SampleRun
from tests.archive.rows import NOON_NS

RUN_ID = "20261123T120000Z-ab12"
SECOND_NS = 1_000_000_000
READER = "ws_reader-0-" + RUN_ID
CHECKPOINTER = "rest_checkpointer-" + RUN_ID
SESSION = READER + "-1"


def market(slug: str = "btc-updown-5m-1795435200", tokens: int = 2) -> Market:
    ids = [str(n) * 77 for n in range(1, tokens + 1)]
    outcomes = ("Up", "Down")
    return Market(
        slug=slug,
        condition_id="0xabc",
        series="btc-up-or-down-5m",
        start_time_utc="2026-11-23T12:00:00Z",
        end_time_utc="2026-11-23T12:05:00Z",
        tokens=tuple(
            Token(slug, "0xabc", token_id, outcome, "2026-11-23T12:05:00Z")
            for token_id, outcome in zip(ids, outcomes, strict=False)
        ),
    )


def sample_run(
    *,
    markets: tuple[Market, ...] | None = None,
    reasons: tuple[Reason, ...] = (),
    exchange: Exchange = "live",
) -> SampleRun:
    return SampleRun(
        run_id=RUN_ID,
        started_at_utc="2026-11-23T12:00:00.000000Z",
        ended_at_utc="2026-11-23T12:02:30.000000Z",
        duration_seconds=150,
        markets=(market(),) if markets is None else markets,
        config_sha256="c" * 64,
        exchange=exchange,
        command="bin/record-sample --market-limit 2",
        reasons=reasons,
    )


def rest_book(token_id: str = "1") -> dict[str, Any]:
    """A book as REST answers it."""
    place = {"market": "0xabc", "asset_id": token_id, "timestamp": "1795435200000", "hash": "ab"}
    return place | {"bids": [{"price": "0.4", "size": "3"}], "asks": []}


def payload_of(kind: str, n: int) -> dict[str, Any]:
    """A message of a kind; of a kind that nobody knows, anything."""
    change = {"asset_id": "1", "price": "0.4", "size": str(n), "side": "BUY"}
    usual = {
        "book": rest_book(),
        "price_change": {"market": "0xabc", "price_changes": [change], "timestamp": "1795435200000"},
    }
    return usual.get(kind, {"n": n}) | {"event_type": kind}


def message_row(n: int, *, kind: str = "book", text: str = "", **changes: object) -> dict[str, Any]:
    text = text or json.dumps(payload_of(kind, n))
    is_json = text.startswith("{")
    at_ns = NOON_NS + n * SECOND_NS
    row = {
        "record_type": "message",
        "producer": READER,
        "received_at_utc": utc_text(at_ns),
        "received_at_ns": at_ns,
        "session_id": SESSION,
        "message_sequence": n,
        "global_message_sequence": n,
        "payload_length_bytes": len(text.encode()),
        "payload_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "raw_text": text,
        "json": json.loads(text) if is_json else None,
        "classified_event_types": [kind],
    }
    return row | changes


def gap_row(at_ns: int = NOON_NS) -> dict[str, Any]:
    return {
        "record_type": "gap",
        "producer": READER,
        "received_at_ns": at_ns,
        "session_id": SESSION,
        "gap": {"cause": "spool full", "first_global_message_sequence": 3, "last_global_message_sequence": 4},
    }


def checkpoint_row(n: int, *, status: int = 200, books: object = (rest_book(),)) -> dict[str, Any]:
    at_ns = NOON_NS + n * 10 * SECOND_NS
    answer = list(books) if isinstance(books, tuple) else books
    return {
        "record_type": "rest_checkpoint",
        "producer": CHECKPOINTER,
        "received_at_utc": utc_text(at_ns),
        "received_at_ns": at_ns,
        "session_id": CHECKPOINTER,
        "checkpoint_sequence": n,
        "response": {"status_code": status, "elapsed_ms": 20.5 * n, "raw_response_json": answer},
        "error": None,
        "missing_token_ids": [],
        "payload_sha256": hashlib.sha256(json.dumps(answer, separators=(",", ":")).encode()).hexdigest(),
    }


def refused_row(n: int) -> dict[str, Any]:
    """A checkpoint that got no answer."""
    row = checkpoint_row(n) | {"response": None, "error": "clob.polymarket.com did not answer in 10 s"}
    del row["payload_sha256"]
    return row


def life_cycle_row(kind: str, at_ns: int, **detail: object) -> dict[str, Any]:
    """A row that opens or closes the session."""
    return {
        "record_type": kind,
        "producer": READER,
        "received_at_ns": at_ns,
        "received_monotonic_ns": at_ns,
        "session_id": SESSION,
        "subscription": {"revision": 1, "assets_ids": ["1"]},
        "tokens_tracked": [],
        kind: detail,
    }


def whole_session(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages between the rows that open and close their session; nothing where there are none."""
    if not messages:
        return []
    last_ns = max(row["received_at_ns"] for row in messages)
    last = max(row.get("message_sequence", 0) for row in messages)
    exchange = {"exchange": messages[0]["exchange"]} if "exchange" in messages[0] else {}
    opened = life_cycle_row("session_opened", NOON_NS)
    closed = life_cycle_row("session_closed", last_ns, reason="recorder_stopping", messages=last)
    return [opened | exchange, *messages, closed | exchange]


def write_sample(root: Path, messages: list[dict[str, Any]], checkpoints: list[dict[str, Any]]) -> None:
    """Both outputs, closed; an output without rows is not made."""
    messages = whole_session(messages)
    store = LaneStore.open(root, 0, layout=Layout("sample", run_id=RUN_ID), gzip_level=1)
    for stream, producer, rows in ((WS_RAW, READER, messages), (REST_CHECKPOINTS, CHECKPOINTER, checkpoints)):
        for n, row in enumerate(rows, start=1):
            line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
            store.append(stream, producer, n, line, facts_of(row_of(line)))
    store.close_all()
    store.close()
