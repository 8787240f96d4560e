"""The run manifest: the recorder's live account of itself, composed from the facts of its processes."""

from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import Any

import msgspec
import psutil

from common.core.counters import COUNTERS, gaps_by_cause, is_part, ledgers_by_condition
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.ledger.union_today import UnionToday, told_before
from common.core.market import Exchange, Market
from common.core.problems import Problem, sorted_problems
from common.core.run_state import State, run_state, word_for_run
from common.core.status.disk_outlook import DiskOutlook, Room, disk_outlook
from common.core.status.legs import LegReader, LegState, leg_states
from common.core.uploads.outlook import Upload, upload_of
from common.runtime.process import Assignment
from common.runtime.run.facts import Facts
from common.version import PROGRAM_VERSION

SERVICE = "orderbooks-ws-recorder"
SCHEMA_VERSION = 1
RECENT = 50


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
    recent_sessions: list[dict[str, Any]]
    open_archives: list[dict[str, Any]]
    closed_archives: list[dict[str, Any]]
    queue: dict[str, Any]
    processes: list[dict[str, Any]]
    upload: Upload
    disk: DiskOutlook
    gaps: list[dict[str, Any]]
    books: dict[str, Any]
    divergences: list[dict[str, Any]]
    ledgers: list[dict[str, Any]]
    exchange: Exchange
    problems: tuple[Problem, ...]
    legs: tuple[LegState, ...]
    union_today: UnionToday
    gaps_by_cause: dict[str, int] = {}
    ledgers_by_condition: dict[str, dict[str, int]] = {}
    events: list[dict[str, Any]] = []
    program_version: str = ""


def compose(
    assignment: Assignment,
    facts: Mapping[str, Facts],
    *,
    markets: tuple[Market, ...],
    now_ns: int,
    finished: bool,
    room: Room | None = None,
    archive_bytes_per_second: float | None = None,
) -> RunManifest:
    """Put together what every process says. A process that says nothing yet is simply missing.

    `room` is that of the data root's file system, `archive_bytes_per_second` the growth of archives in it.
    """
    details = {name: fact.details for name, fact in facts.items()}
    supervisor = details.get("supervisor", {})
    readers = {
        name: detail
        for name, detail in details.items()
        if name.startswith("ws_reader") and "state" in detail  # one that never began its work states nothing
    }
    last_message_ns = max(
        (detail.get("last_market_data_at_ns") or 0 for detail in readers.values()), default=0
    )
    totals = _counters(facts)
    upload = _upload(assignment, details.get("uploader"), now_ns)
    return RunManifest(
        schema_version=SCHEMA_VERSION,
        run_id=assignment.run_id,
        service=SERVICE,
        state=run_state(
            supervisor=supervisor.get("state", "starting"),
            readers=[
                word_for_run(detail["state"], had_data=bool(detail.get("last_market_data_at_ns")))
                for detail in readers.values()
            ],
            finished=finished,
        ),
        started_at_utc=utc_text(assignment.started_at_ns),
        updated_at_utc=utc_text(now_ns),
        last_successful_ws_message_at_utc=utc_text(last_message_ns) if last_message_ns else None,
        config_sha256=assignment.settings.sha256(),
        markets=markets,
        counters={name: count for name, count in totals.items() if not is_part(name)},
        event_types=dict(sum((Counter(fact.event_types) for fact in facts.values()), Counter())),
        recent_sessions=_recent(details, "recent_sessions", "opened_at_utc"),
        open_archives=_recent(details, "open_archives", "opened_at_utc"),
        closed_archives=_recent(details, "closed_archives", "closed_at_utc"),
        queue={name: detail["outbox"] for name, detail in details.items() if "outbox" in detail},
        processes=[_process_figures(process) for process in supervisor.get("processes", [])],
        upload=upload,
        disk=disk_outlook(room, archive_bytes_per_second, freed=upload.frees_room),
        gaps=_recent(details, "gaps", "declared_at_utc"),
        books=details.get("book_auditor", {}).get("books", {}),
        divergences=_recent(details, "divergences", "found_at_utc"),
        ledgers=_recent(details, "ledgers", "from_utc"),
        exchange=assignment.exchange,
        problems=_problems(facts, supervisor, finished=finished),
        legs=_legs(assignment, facts, supervisor, now_ns),
        union_today=told_before(details.get("ledger", {})),
        gaps_by_cause=gaps_by_cause(totals),
        ledgers_by_condition=ledgers_by_condition(totals),
        events=details.get("manifest", {}).get("events", []),
        program_version=PROGRAM_VERSION,
    )


def _legs(
    assignment: Assignment, facts: Mapping[str, Facts], supervisor: Mapping[str, Any], now_ns: int
) -> tuple[LegState, ...]:
    running = {process["name"] for process in supervisor.get("processes", [])}
    readers = {
        name: LegReader(
            fact.details["state"],
            fact.details.get("tokens", 0),
            fact.details.get("last_market_data_at_ns") or 0,
            (now_ns - fact.updated_at_ns) / NS_PER_SECOND,
        )
        for name, fact in facts.items()
        if name in running and name.startswith("ws_reader") and "state" in fact.details
    }
    legs = supervisor.get("orders", {}).get("legs", 1)
    return leg_states(readers, legs=legs, started_at_ns=assignment.started_at_ns)


def _upload(assignment: Assignment, told: dict[str, Any] | None, now_ns: int) -> Upload:
    settings = assignment.settings
    return upload_of(
        told,
        enabled=settings.upload.enabled,
        # a hash that the store names is not a proof that allows to delete
        cleans_up=settings.upload.cleanup_after_verify and settings.upload.verify == "read_back",
        interval_s=settings.upload.interval_seconds,
        now_ns=now_ns,
    )


def _problems(
    facts: Mapping[str, Facts], supervisor: Mapping[str, Any], *, finished: bool
) -> tuple[Problem, ...]:
    """What the processes that run hold; one that was retired holds nothing any more."""
    running = {process["name"] for process in supervisor.get("processes", [])} or facts.keys()
    if finished:
        return ()
    return sorted_problems(
        problem
        for name, fact in facts.items()
        if name in {*running, "supervisor", "manifest"}
        for problem in fact.problems
    )


def _counters(facts: Mapping[str, Facts]) -> dict[str, int]:
    totals: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
    for fact in facts.values():
        totals.update(fact.counters)
    return dict(totals)


def _recent(details: Mapping[str, dict[str, Any]], key: str, order: str) -> list[dict[str, Any]]:
    rows = chain.from_iterable(detail.get(key, []) for detail in details.values())
    return sorted(rows, key=lambda row: str(row.get(order) or ""))[-RECENT:]


def _process_figures(process: dict[str, Any]) -> dict[str, Any]:
    figures: dict[str, Any] = {**process, "cpu_seconds": None, "rss_bytes": None}
    if process["pid"] is not None:
        try:
            handle = psutil.Process(process["pid"])
            cpu = handle.cpu_times()
            figures["cpu_seconds"] = round(cpu.user + cpu.system, 2)
            figures["rss_bytes"] = handle.memory_info().rss
        except psutil.Error:
            pass  # it ended between its facts and now
    return figures
