"""What a writer states of its lane: totals as counters of the run, and its archives."""

from pathlib import Path

from common.archive.writing.open_archive import ArchiveFacts
from common.archive.writing.store import LaneStore
from common.core.instants import utc_text
from common.runtime.run.details import ArchiveShown, DiscoveryDetails, WriterDetails
from common.runtime.run.facts import Facts, last_details


def totals(store: LaneStore) -> dict[str, int]:
    """What the lane has written since its journal began, by counter."""
    return {
        "rows_written_total": store.totals.rows,
        "archive_bytes_written_total": store.totals.bytes,
        "archives_closed_total": store.totals.archives_closed,
        "archives_recovered_total": store.totals.archives_recovered,
    }


def totals_before_run(store: LaneStore, before: Facts | None) -> dict[str, int]:
    """The lane's totals when the run began: its counters go on from there, no matter who holds it.

    A journal that was begun again in between, because the data root was emptied or restored, sets no counter back.
    """
    if before is not None and isinstance(before.details, WriterDetails):
        stated = before.details.before_run
        return {
            name: min(stated[name], total - before.counters.get(name, 0))
            for name, total in totals(store).items()
        }
    recovered_just_now = len(store.closed_archives)
    found = totals(store)
    found["archives_closed_total"] -= recovered_just_now
    found["archives_recovered_total"] -= recovered_just_now
    return found


def clock_offset_told(run_dir: Path) -> float | None:
    """How many seconds this machine's clock is ahead of the exchange's, as discovery measured last; None: unknown."""
    details = last_details(run_dir, "discovery", DiscoveryDetails)
    return details.clock_offset_s if details is not None else None


def archive_shown(facts: ArchiveFacts) -> ArchiveShown:
    """An archive in the run manifest."""
    return ArchiveShown(
        name=facts.name,
        stream=facts.stream,
        rows=facts.rows,
        bytes=facts.bytes,
        opened_at_utc=utc_text(facts.opened_at_ns),
        closed_at_utc=utc_text(facts.closed_at_ns) if facts.closed_at_ns else None,
    )
