"""What a sidecar needs to know of a row, given by its writer or read back from the row itself."""

from typing import Any

import msgspec


class RowFacts(msgspec.Struct, frozen=True, gc=False):
    """The part in its sidecar of a row, or of `rows` messages received together, whose sequences count up from these.

    `message_sequence` and `global_message_sequence` are 0 for a life-cycle row; a REST checkpoint counts by
    its `checkpoint_sequence`. `gap` is the detail of a `gap` row. `exchange` and `host` are
    None where an older version made it, `leg` also for REST.
    """

    received_at_ns: int
    session_id: str
    message_sequence: int = 0
    global_message_sequence: int = 0
    gap: dict[str, Any] | None = None
    rows: int = 1
    exchange: str | None = None
    leg: str | None = None
    host: str | None = None


class _Row(msgspec.Struct, gc=False):
    received_at_ns: int
    session_id: str | None = None
    message_sequence: int | None = None
    global_message_sequence: int | None = None
    checkpoint_sequence: int | None = None
    gap: dict[str, Any] | None = None
    producer: str = ""
    exchange: str | None = None
    leg: str | None = None
    host: str | None = None


_ROWS = msgspec.json.Decoder(_Row)


def facts_of_row(line: bytes) -> RowFacts:
    """The facts of a complete row. Raises msgspec.DecodeError if it is none."""
    return producer_and_facts_of_row(line)[1]


def producer_and_facts_of_row(line: bytes) -> tuple[str, RowFacts]:
    """The row's producer (empty if it names none) and facts. Raises msgspec.DecodeError if it is no row."""
    row = _ROWS.decode(line)
    facts = RowFacts(
        received_at_ns=row.received_at_ns,
        session_id=row.session_id or "",
        message_sequence=row.message_sequence or row.checkpoint_sequence or 0,
        global_message_sequence=row.global_message_sequence or 0,
        gap=row.gap,
        exchange=row.exchange,
        leg=row.leg,
        host=row.host,
    )
    return row.producer, facts
