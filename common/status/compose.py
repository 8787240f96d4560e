"""The run manifest of this moment, put together from the facts of all processes."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from typing import TypeVar

import psutil
from msgspec.structs import asdict

from common.core.counters import COUNTERS, gaps_by_cause, is_part, ledgers_by_condition
from common.core.feed.session_history import SessionShown
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.ledger.union_today import UnionToday
from common.core.market import Market
from common.core.problems import Problem, sorted_problems
from common.core.resolution.shown import ResolutionShown
from common.core.run_state import run_state, word_for_run
from common.core.status.disk_outlook import Room, disk_outlook
from common.core.status.legs import LegReader, LegState, leg_states
from common.core.status.reference import GAPS_SHOWN, ReferenceState
from common.core.uploads.kept import Kept, kept
from common.core.uploads.outlook import Upload, UploadStated, upload_of
from common.core.uploads.retention import NOTHING_GOES, Retention
from common.runtime.process import Assignment
from common.runtime.run.details import (
    BESIDE_BOOKS,
    NOTHING,
    ArchiveShown,
    AuditorDetails,
    LedgerKeeperDetails,
    ManifestDetails,
    ProcessShown,
    ProducerDetails,
    ReaderDetails,
    ReferenceDetails,
    ResolutionDetails,
    SupervisorDetails,
    WriterDetails,
)
from common.runtime.run.facts import Facts, details_of_kind, details_of_one
from common.runtime.run.orders import Orders
from common.status.run_manifest import SCHEMA_VERSION, SERVICE, ProcessFigures, RunManifest
from common.version import PROGRAM_VERSION

RECENT = 50
Shown = TypeVar("Shown")
_NOT_SUPERVISED = SupervisorDetails(state="starting", processes=(), orders=Orders(writers=1, readers=1))


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
    supervisor = details_of_one(facts, SupervisorDetails) or _NOT_SUPERVISED
    auditor, keeper = details_of_one(facts, AuditorDetails), details_of_one(facts, LedgerKeeperDetails)
    manifest = details_of_one(facts, ManifestDetails)
    poller = details_of_one(facts, ResolutionDetails)
    readers = details_of_kind(facts, ReaderDetails)
    writers = details_of_kind(facts, WriterDetails).values()
    producers = details_of_kind(facts, ProducerDetails)
    last_message_ns = max((reader.last_market_data_at_ns for reader in readers.values()), default=0)
    totals = _counters(facts)
    stated = details_of_one(facts, UploadStated)
    upload = _upload(assignment, stated, now_ns)
    return RunManifest(
        schema_version=SCHEMA_VERSION,
        run_id=assignment.run_id,
        service=SERVICE,
        state=run_state(
            supervisor=supervisor.state,
            readers=[
                word_for_run(reader.state, had_data=bool(reader.last_market_data_at_ns))
                for reader in readers.values()
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
        recent_sessions=_recent((each.recent_sessions for each in readers.values()), _opened),
        open_archives=_recent((each.open_archives for each in writers), _opened),
        closed_archives=_recent((each.closed_archives for each in writers), _closed),
        queue={name: producer.outbox for name, producer in producers.items()},
        processes=[_figures_of(process) for process in supervisor.processes],
        upload=upload,
        disk=disk_outlook(
            room, archive_bytes_per_second, freed=upload.frees_room, kept=_kept(assignment, stated, upload)
        ),
        gaps=_recent((each.gaps for each in _of_books(producers.values())), lambda gap: gap.declared_at_utc),
        books=auditor.books if auditor else NOTHING,
        divergences=_recent([auditor.divergences] if auditor else [], lambda found: found.found_at_utc),
        ledgers=_recent([keeper.ledgers] if keeper else [], lambda ledger: ledger.from_utc),
        exchange=assignment.exchange,
        problems=_problems(facts, supervisor, finished=finished),
        legs=_legs(assignment, facts, supervisor, now_ns),
        union_today=keeper.union_today if keeper else UnionToday(),
        gaps_by_cause=gaps_by_cause(totals),
        ledgers_by_condition=ledgers_by_condition(totals),
        events=manifest.events if manifest else (),
        reference=_reference(facts, supervisor),
        program_version=PROGRAM_VERSION,
        resolution=poller.shown if poller else ResolutionShown(),
    )


def _of_books(producers: Iterable[ProducerDetails]) -> Iterable[ProducerDetails]:
    return (each for each in producers if not isinstance(each, BESIDE_BOOKS))


def _reference(facts: Mapping[str, Facts], supervisor: SupervisorDetails) -> tuple[ReferenceState, ...]:
    running = {process.name for process in supervisor.processes}
    return tuple(
        ReferenceState(
            source=each.source,
            state=each.state,
            coins=each.coins,
            channels=each.channels,
            last_price_at_utc=utc_text(each.last_price_at_ns) if each.last_price_at_ns else None,
            silent_since_utc=utc_text(each.silent_since_ns) if each.silent_since_ns else None,
            quiet=each.quiet,
            last_error=each.last_error,
            stated_at_utc=utc_text(facts[name].updated_at_ns),
            gaps=each.gaps[-GAPS_SHOWN:],
            trouble=tuple(problem.reason for problem in facts[name].problems),
        )
        for name, each in sorted(details_of_kind(facts, ReferenceDetails).items())
        if name in running
    )


def _legs(
    assignment: Assignment, facts: Mapping[str, Facts], supervisor: SupervisorDetails, now_ns: int
) -> tuple[LegState, ...]:
    running = {process.name for process in supervisor.processes}
    readers = {
        name: LegReader(
            reader.state,
            reader.tokens,
            reader.last_market_data_at_ns,
            (now_ns - facts[name].updated_at_ns) / NS_PER_SECOND,
        )
        for name, reader in details_of_kind(facts, ReaderDetails).items()
        if name in running
    }
    return leg_states(readers, legs=supervisor.orders.legs, started_at_ns=assignment.started_at_ns)


def _upload(assignment: Assignment, stated: UploadStated | None, now_ns: int) -> Upload:
    settings = assignment.settings
    return upload_of(
        stated,
        enabled=settings.upload.enabled,
        # a hash that the store names is not a proof that allows to delete
        cleans_up=settings.upload.cleanup_after_verify and settings.upload.verify == "read_back",
        interval_s=settings.upload.interval_seconds,
        now_ns=now_ns,
    )


def _kept(assignment: Assignment, stated: UploadStated | None, upload: Upload) -> Kept | None:
    settings, bounds = assignment.settings, assignment.settings.retention
    may_go = settings.upload.verify == "read_back" or not bounds.only_proved
    return kept(
        stated,
        upload,
        Retention(bounds.max_age_seconds, bounds.max_bytes) if may_go else NOTHING_GOES,
        only_proved=bounds.only_proved,
        window_s=settings.writer.rotation_interval_seconds,
    )


def _problems(
    facts: Mapping[str, Facts], supervisor: SupervisorDetails, *, finished: bool
) -> tuple[Problem, ...]:
    """What the processes that run hold; one that was retired holds nothing any more.

    What those of reference prices and outcomes hold is a warning: the books are recorded without them.
    """
    running = {process.name for process in supervisor.processes} or facts.keys()
    if finished:
        return ()
    return sorted_problems(
        problem
        for name, fact in facts.items()
        if name in {*running, "supervisor", "manifest"} and not isinstance(fact.details, BESIDE_BOOKS)
        for problem in fact.problems
    )


def _counters(facts: Mapping[str, Facts]) -> dict[str, int]:
    totals: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
    for fact in facts.values():
        totals.update(fact.counters)
    return dict(totals)


def _recent(lists: Iterable[Iterable[Shown]], at_utc: Callable[[Shown], str | None]) -> list[Shown]:
    return sorted(chain.from_iterable(lists), key=lambda shown: at_utc(shown) or "")[-RECENT:]


def _opened(shown: SessionShown | ArchiveShown) -> str:
    return shown.opened_at_utc


def _closed(archive: ArchiveShown) -> str | None:
    return archive.closed_at_utc


def _figures_of(process: ProcessShown) -> ProcessFigures:
    cpu_seconds = rss_bytes = None
    if process.pid is not None:
        with suppress(psutil.Error):  # it ended between its facts and now
            handle = psutil.Process(process.pid)
            cpu = handle.cpu_times()
            cpu_seconds, rss_bytes = round(cpu.user + cpu.system, 2), handle.memory_info().rss
    return ProcessFigures(**asdict(process), cpu_seconds=cpu_seconds, rss_bytes=rss_bytes)
