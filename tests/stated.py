"""What processes report of themselves, whole; a test changes the few fields that it is about."""

import os
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from common.core.audit.books_shown import NO_BOOKS
from common.core.feed.session_history import SessionShown
from common.core.run_state import SupervisorState
from common.core.uploads.outlook import UploadStated
from common.runtime.clock import CLOCK, Clock
from common.runtime.run.details import (
    NOTHING,
    AuditorDetails,
    Details,
    DiscoveryDetails,
    OutboxShown,
    ProcessShown,
    ReaderDetails,
    ReferenceDetails,
    SupervisorDetails,
    WriterDetails,
)
from common.runtime.run.facts import Facts
from common.runtime.run.orders import Orders

OUTBOX = OutboxShown(
    producer="ws_reader-0-x",
    settled_until_ns=0,
    spool_bytes=4096,
    lanes={0: 0},
    lanes_owned=1,
    lanes_without_writer=(),
    oldest_seconds={0: 0.0},
)
READER = ReaderDetails(
    outbox=OUTBOX,
    gaps=(),
    state="receiving",
    last_market_data_at_ns=0,
    last_error="",
    tokens=0,
    all_settled=False,
    tokens_without_book=0,
    recent_sessions=(),
    wishes_taken=0,
)
AUDITOR = AuditorDetails(
    outbox=OUTBOX, gaps=(), books=NO_BOOKS, divergences=(), confirmed={}, wishes=(), last_number=0
)
REFERENCE = ReferenceDetails(
    outbox=OUTBOX,
    gaps=(),
    source="rtds",
    state="receiving",
    coins=("btc",),
    channels=("chainlink", "twap_sixty"),
    last_price_at_ns=0,
    silent_since_ns=0,
    quiet=(),
    last_error="",
)
WRITER = WriterDetails(before_run={}, open_archives=(), closed_archives=())
DISCOVERY = DiscoveryDetails(last_success_at_utc=None, last_error="", clock_offset_s=None)
UPLOADER = UploadStated(
    remote="r:b",
    state="idle",
    backlog_files=None,
    backlog_bytes=None,
    oldest_waiting_at_utc=None,
    verified_files=None,
    last_success_at_utc=None,
    last_error="",
    last_error_at_utc=None,
    next_attempt_at_utc=None,
    alarms=(),
    held_bytes=None,
)


def supervisor(
    *processes: ProcessShown, state: SupervisorState = "running", legs: int = 1
) -> SupervisorDetails:
    return SupervisorDetails(state=state, processes=processes, orders=Orders(writers=1, readers=1, legs=legs))


def process(name: str, pid: int | None, restarts: int = 0) -> ProcessShown:
    return ProcessShown(name, pid, restarts, flapping=False)


def session(opened_at_utc: str) -> SessionShown:
    return SessionShown(f"s-{opened_at_utc}", opened_at_utc, None, 1, 0, None, None, stale=False)


def facts(
    name: str,
    details: Details = NOTHING,
    *,
    counters: Mapping[str, int] | None = None,
    event_types: Mapping[str, int] | None = None,
    clock: Clock = CLOCK,
    pid: int = 0,
    **more: Any,  # noqa: ANN401 - any field
) -> Facts:
    """Of this process unless another `pid` is given."""
    at_ns, at_monotonic_ns = clock.wall_ns(), clock.monotonic_ns()
    whole = Facts(
        name,
        pid or os.getpid(),
        at_ns,
        at_monotonic_ns,
        dict(counters or {}),
        dict(event_types or {}),
        details,
    )
    return replace(whole, **more)
