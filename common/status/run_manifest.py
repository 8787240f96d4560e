"""The run manifest: the recorder's live account of itself, composed from the facts of its processes."""

import msgspec

from common.core.audit.books_shown import NO_BOOKS, BooksShown
from common.core.audit.divergence import Divergence
from common.core.feed.session_history import SessionShown
from common.core.ledger.union_today import UnionToday
from common.core.market import Exchange, Market
from common.core.operator_events.event import OperatorEvent
from common.core.problems import Problem
from common.core.resolution.shown import ResolutionShown
from common.core.rows.gap import Gap
from common.core.run_state import State
from common.core.status.disk_outlook import DiskOutlook
from common.core.status.legs import LegState
from common.core.status.reference import ReferenceState
from common.core.uploads.outlook import Upload
from common.runtime.run.details import (
    ArchiveShown,
    LedgerShown,
    Nothing,
    OutboxShown,
    ProcessShown,
)

SERVICE = "orderbooks-ws-recorder"
SCHEMA_VERSION = 1


class ProcessFigures(ProcessShown, frozen=True):
    """A process with what it uses; None for one that does not run."""

    cpu_seconds: float | None = None
    rss_bytes: int | None = None


class RunManifest(msgspec.Struct, frozen=True):
    """The document as it stands on disk."""

    schema_version: int
    run_id: str
    service: str
    state: State
    started_at_utc: str
    updated_at_utc: str
    last_successful_ws_message_at_utc: str | None
    config_sha256: str
    markets: tuple[Market, ...]
    counters: dict[str, int]
    event_types: dict[str, int]
    recent_sessions: list[SessionShown]
    open_archives: list[ArchiveShown]
    closed_archives: list[ArchiveShown]
    queue: dict[str, OutboxShown]
    processes: list[ProcessFigures]
    upload: Upload
    disk: DiskOutlook
    gaps: list[Gap]
    books: BooksShown | Nothing
    divergences: list[Divergence]
    ledgers: list[LedgerShown]
    exchange: Exchange
    problems: tuple[Problem, ...]
    legs: tuple[LegState, ...]
    union_today: UnionToday
    gaps_by_cause: dict[str, int] = {}
    ledgers_by_condition: dict[str, dict[str, int]] = {}
    events: tuple[OperatorEvent, ...] = ()
    reference: tuple[ReferenceState, ...] = ()
    program_version: str = ""
    resolution: ResolutionShown = ResolutionShown()


def books_of(manifest: RunManifest) -> BooksShown:
    """Its books, with zeros where the auditor has not stated any."""
    return manifest.books if isinstance(manifest.books, BooksShown) else NO_BOOKS
