"""Our own Parquet tables, hour by hour, with accounts as the formats of other projects have them."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from common.archive.formats.flow import Flow
from common.archive.formats.once import HourDone, HourWanted, Made, export_once
from common.archive.formats.output import Written, file_of
from common.archive.formats.sources import HOUR_NS, LOOK_BACKS_NS, Sources
from common.archive.replay import read_archive, replay
from common.archive.views.export import Exported, Wanted, export
from common.archive.views.parquet_file import exchange_in
from common.core.exchange_told import exchange_of
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.market import Exchange

NAME = "parquet"
_FIRST_ROWS_NS = 60 * NS_PER_SECOND  # by then every session has had a row in the hour


def export_tables(sources: Sources, output: Path, wanted: HourWanted) -> HourDone:
    """Write the tables of an hour and its account. Raises as `export_once` does."""
    return export_once(sources, output, NAME, wanted, lambda: _make(sources, output, wanted))


def _export(sources: Sources, output: Path, wanted: HourWanted) -> Exported:
    of_hour = Wanted(
        since_ns=wanted.hour_ns,
        until_ns=wanted.hour_ns + HOUR_NS,
        markets=wanted.markets,
        warm_up_ns=look_back_ns(sources, wanted),
        may_be_empty=True,
    )
    return export(
        sources.paths,
        output,
        of_hour,
        replace=True,
        leg=wanted.leg,
        clock_error_ms=wanted.clock_error_ms,
        lock_name=f".export-{utc_text(wanted.hour_ns)[:13]}-tables.lock",
    )


def look_back_ns(sources: Sources, wanted: HourWanted) -> int:
    """How far before the hour to begin, so that each token's book is known when it does."""
    for back_ns in LOOK_BACKS_NS[:-1]:
        flow = Flow(wanted.hour_ns, markets=wanted.markets)
        rows = read_archive(
            sources.paths,
            since=max(wanted.hour_ns - back_ns, 0),
            until=wanted.hour_ns + _FIRST_ROWS_NS,
            leg=wanted.leg,
            clock_error_ms=wanted.clock_error_ms,
        )
        for step in replay(rows):
            for _ in flow.take(step):
                pass
        if not flow.without_book:
            return back_ns
    return LOOK_BACKS_NS[-1]


def _make(sources: Sources, output: Path, wanted: HourWanted) -> Made:
    done = _export(sources, output, wanted)
    written = (path.relative_to(output).as_posix() for path in done.files)
    files = [file_of(output, Written(path, pq.read_metadata(output / path).num_rows, ())) for path in written]
    notes = [] if files else ["nothing was recorded in this hour"]
    if done.unusable_events:
        notes.append(f"{done.unusable_events} events cannot be read: they are in the table left_out only")
    return Made(_exchange(done), sources.rows(wanted.hour_ns), files, notes)


def _exchange(done: Exported) -> Exchange | None:
    stated = Counter(filter(None, map(exchange_in, done.files)))
    return exchange_of(next(iter(stated)), "") if stated else None
