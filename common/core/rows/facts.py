"""What a sidecar needs to know of a row, given by its writer or read back from the row itself."""

from typing import Any

import msgspec

from common.core.rows.reading import Row
from common.core.rows.websocket import GAP


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


def facts_of(row: Row) -> RowFacts:
    """The facts of a row."""
    return RowFacts(
        received_at_ns=row.received_at_ns,
        session_id=row.session_id or "",
        message_sequence=row.message_sequence or row.checkpoint_sequence,
        global_message_sequence=row.global_message_sequence,
        gap=row.detail if row.record_type == GAP else None,
        exchange=row.stated_exchange,
        leg=row.leg,
        host=row.host or None,
    )
