"""All hours of an export, on as many cores as there are: each by itself, so that one that stops is gone on with."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec

from common.archive.formats import own_tables
from common.archive.formats.account import refuse_others
from common.archive.formats.forms import FORMS
from common.archive.formats.hour import export_hour
from common.archive.formats.once import HourDone, HourWanted
from common.archive.formats.sources import Sources
from common.core.formats.moments import Gaps
from common.errors import ArchiveError

NAMES = tuple(sorted([*FORMS, own_tables.NAME]))


def default_gaps(form_name: str) -> Gaps:
    """What an export in a format does at gaps unless it is told otherwise; our own tables state them in rows."""
    return FORMS[form_name].gaps if form_name in FORMS else "clear"


class Shard(msgspec.Struct, frozen=True):
    """Every `of`th hour, from the `number`th on; both count from 1."""

    number: int = 1
    of: int = 1


def hours_of(sources: Sources, since_ns: int, until_ns: int, shard: Shard) -> Sequence[int]:
    """The hours to export. Raises ArchiveError where the recording has none of them."""
    hours = sources.hours(since_ns, until_ns)
    if not hours:
        raise ArchiveError("there is nothing to export: no archive holds a row of this time")
    return hours[shard.number - 1 :: shard.of]


def export_hours(
    sources: Sources,
    output: Path,
    form_name: str,
    wanted: Sequence[HourWanted],
    *,
    jobs: int,
    done: Callable[[HourDone], None],
) -> None:
    """Export hours; `done` hears of each in the order given.

    Raises as `export_hour` does, and ArchiveError where the output holds another format or exchange.
    """
    refuse_others(output, form_name, sources.exchange)
    for each in _each(sources, output, form_name, wanted, jobs):
        done(each)


def _each(
    sources: Sources, output: Path, form_name: str, wanted: Sequence[HourWanted], jobs: int
) -> Iterator[HourDone]:
    if min(jobs, len(wanted)) < 2:
        for hour in wanted:
            yield _export(sources, output, form_name, hour)
        return
    context = multiprocessing.get_context("spawn")  # a fork would take half-held locks along
    with ProcessPoolExecutor(min(jobs, len(wanted)), mp_context=context) as pool:
        futures = [pool.submit(_export, sources, output, form_name, hour) for hour in wanted]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _export(sources: Sources, output: Path, form_name: str, hour: HourWanted) -> HourDone:
    if form_name == own_tables.NAME:
        return own_tables.export_tables(sources, output, hour)
    return export_hour(sources, output, FORMS[form_name], hour)
