"""Every counter of a run, in one table; run manifest and metrics have each of them, from 0 on.

`common/status/README.md` has what each counts. Of some the parts are counted too: gaps by cause, ledgers by stream and
condition. A part is a counter of its own whose name has the labels after colons; a process keeps it as it keeps all
others.
"""

from collections.abc import Mapping
from itertools import product
from typing import Final, Literal, NewType, get_args

from common.core.causes import Cause
from common.core.ledger.document import Condition
from common.core.rows.names import BOOK_STREAMS

CounterName = Literal[
    "ws_messages_total",
    "ws_bytes_total",
    "rows_written_total",
    "reconnects_total",
    "stale_reconnects_total",
    "consecutive_stale_reconnects",
    "forced_discovery_refreshes_total",
    "first_books_overdue_total",
    "discovery_hints_total",
    "discoveries_total",
    "discovery_failures_total",
    "dial_failures_total",
    "ws_control_frames_total",
    "ws_requests_refused_total",
    "rest_requests_total",
    "rest_failures_total",
    "rest_checkpoints_dropped_total",
    "reference_messages_total",
    "reference_repeated_total",
    "reference_disordered_total",
    "reference_refusals_total",
    "reference_reconnects_total",
    "reference_dial_failures_total",
    "reference_gaps_total",
    "resolution_requests_total",
    "resolution_failures_total",
    "resolution_rows_dropped_total",
    "windows_resolved_total",
    "resolutions_given_up_total",
    "resolutions_corrected_total",
    "resolution_disagreements_total",
    "json_errors_total",
    "unknown_messages_total",
    "unusable_events_total",
    "unusual_forms_total",
    "divergences_total",
    "divergences_resubscribed_total",
    "book_checks_total",
    "wrong_batches_total",
    "rest_books_wrong_total",
    "audit_holes_total",
    "audit_skips_total",
    "gaps_total",
    "process_restarts_total",
    "stuck_processes_total",
    "pauses_total",
    "ledgers_written_total",
    "token_milliseconds_expected_total",
    "token_milliseconds_recorded_total",
    "legs_healed_milliseconds_total",
    "legs_gap_token_milliseconds_total",
    "legs_withheld_messages_total",
    "legs_doubtful_messages_total",
    "problems_total",
    "run_folder_restorations_total",
    "spool_restorations_total",
    "log_records_dropped_total",
    "http_port_failures_total",
    "archive_bytes_written_total",
    "archives_closed_total",
    "archives_recovered_total",
    "uploads_verified_total",
    "upload_failures_total",
    "webhook_posts_total",
    "webhook_failures_total",
    "webhook_events_dropped_total",
    "heartbeats_total",
    "heartbeat_failures_total",
    "archives_cleaned_total",
]
COUNTERS: tuple[CounterName, ...] = get_args(CounterName)
GAPS: Final = "gaps_total"
LEDGERS: Final = "ledgers_written_total"
CounterPart = NewType("CounterPart", str)


def part(counter: CounterName, *labels: str) -> CounterPart:
    """`gaps_total` and `stale_feed` give `gaps_total:stale_feed`."""
    return CounterPart(":".join((counter, *labels)))


def is_part(name: str) -> bool:
    """Whether a counter is a part of another one."""
    return ":" in name


def gaps_by_cause(counters: Mapping[str, int]) -> dict[str, int]:
    """Every cause, 0 for what has not happened."""
    return {cause: counters.get(part(GAPS, cause), 0) for cause in get_args(Cause)}


def ledgers_by_condition(counters: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Every stream that has ledgers and condition, 0 for what has not happened."""
    found: dict[str, dict[str, int]] = {stream: {} for stream in BOOK_STREAMS}
    for stream, condition in product(BOOK_STREAMS, get_args(Condition)):
        found[stream][condition] = counters.get(part(LEDGERS, stream, condition), 0)
    return found
