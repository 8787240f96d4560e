"""Rows as a producer makes them, with the facts that go with each."""

import json

from common.archive.writing.store import LaneStore
from common.core.rows.facts import RowFacts
from common.core.rows.names import WS_RAW, Layout

HOUR_NS = 3600 * 1_000_000_000
NOON_NS = 1_795_435_200_000_000_000  # 2026-11-23T12:00:00Z
PRODUCER = "ws_reader-0-20261123T115900Z-a1b2"
RUNTIME = Layout("runtime", rotation_interval_seconds=3600)

Row = tuple[str, str, int, bytes, RowFacts]


def message(n: int, *, at_ns: int | None = None, producer: str = PRODUCER, stream: str = WS_RAW) -> Row:
    """The `n`th message of a producer, its lane sequence `n` too; one a second from noon unless told."""
    at_ns = NOON_NS + n * 1_000_000_000 if at_ns is None else at_ns
    row = {
        "record_type": "message",
        "producer": producer,
        "received_at_ns": at_ns,
        "session_id": f"{producer}-session-1",
        "message_sequence": n,
        "global_message_sequence": n,
        "raw_text": f"payload {n} \u2028 " + "ab" * (n % 50),
        "json": {"n": n},
    }
    facts = RowFacts(at_ns, f"{producer}-session-1", n, n)
    return stream, producer, n, json.dumps(row, ensure_ascii=False).encode() + b"\n", facts


def gap(n: int, *, at_ns: int) -> Row:
    """A gap row as the `n`th of its producer."""
    detail = {"cause": "spool full", "first_global_message_sequence": 7, "last_global_message_sequence": 9}
    row = {
        "record_type": "gap",
        "producer": PRODUCER,
        "received_at_ns": at_ns,
        "session_id": f"{PRODUCER}-session-1",
        "gap": detail,
    }
    facts = RowFacts(at_ns, f"{PRODUCER}-session-1", gap=dict(detail))
    return WS_RAW, PRODUCER, n, json.dumps(row).encode() + b"\n", facts


def append_all(store: LaneStore, rows: list[Row]) -> None:
    for row in rows:
        store.append(*row)
