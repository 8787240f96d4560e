"""From archives to Parquet: replays a recording and writes its events, best prices and books as typed tables."""

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from common.archive.replay import Step, archives_of, read_archive, replay
from common.archive.sidecar import Sidecar, read_sidecar
from common.archive.views.parquet_dataset import SUFFIX, Dataset
from common.archive.views.parquet_file import exchange_in
from common.core.events.market_events import BookSnapshot, PriceChange, Unusable, UnusualForms
from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.market import Exchange, canonical_condition_id
from common.core.rows.origin import LegChoice
from common.core.rows.websocket import MESSAGE_RECORD
from common.core.views.export_columns import TABLES, Table
from common.core.views.export_rows import (
    DepthRows,
    Place,
    Row,
    TokenNames,
    TopOfBook,
    event_rows,
    left_out_rows,
    life_cycle_row,
)
from common.core.views.markets_named import no_such_market
from common.errors import ArchiveError
from common.locks import FileLock

WARM_UP_NS = 900 * NS_PER_SECOND  # read before `since`, so that there are books when it comes
LOCK = ".export.lock"


class Wanted(msgspec.Struct, frozen=True):
    """What to export: instants in nanoseconds since 1970, the second one excluded; no `markets` means all.

    `depth_levels` is how many levels a side the depth table keeps, 0 for all. `warm_up_ns` is how much is read before
    `since_ns`. `may_be_empty`: nothing is written where a market, or everything, is not there.
    """

    tables: tuple[Table, ...] = TABLES
    since_ns: int = 0
    until_ns: int = 1 << 62
    markets: tuple[str, ...] = ()
    depth_levels: int = 0
    warm_up_ns: int = WARM_UP_NS
    may_be_empty: bool = False


class Exported(msgspec.Struct, frozen=True):
    """What came of an export: rows by table, the files in place, and their size."""

    rows: Mapping[Table, int]
    files: tuple[Path, ...]
    bytes: int
    unusable_events: int


def export(
    paths: Path | Iterable[Path],
    output: Path,
    wanted: Wanted,
    *,
    replace: bool = False,
    leg: LegChoice = "merged",
    clock_error_ms: float | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
    lock_name: str = LOCK,
) -> Exported:
    """Write the tables below `output`; no file gets its name before all are written.

    `progress` hears of every row that was read.
    Raises ArchiveError where an archive is torn, a market is not there, the archives, or the tables that are there
    already, are of another exchange, or an hour was exported before and is not to be replaced; AlreadyRunningError
    where another export writes there; OSError.
    """
    output.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output / lock_name, f"the folder {output}")
    work = _Export(output, wanted, replace=replace)
    try:
        rows = read_archive(
            paths,
            since=max(wanted.since_ns - wanted.warm_up_ns, 0),
            until=wanted.until_ns,
            leg=leg,
            clock_error_ms=clock_error_ms,
        )
        last = None
        for step in replay(rows):
            if step.row is not last:
                last = step.row
                progress(1)
            work.take(step)
        return work.publish()
    except BaseException:
        work.discard()
        raise
    finally:
        lock.release()


def rows_in(paths: Path | Iterable[Path], wanted: Wanted) -> int:
    """How many rows an export will read at most, by the sidecars; 0 where one of them is missing."""
    total = 0
    for archive in archives_of(paths):
        try:
            sidecar = read_sidecar(archive)
        except (OSError, msgspec.DecodeError):
            return 0
        total += sidecar.rows if _overlaps(sidecar, wanted) else 0
    return total


def _overlaps(sidecar: Sidecar, wanted: Wanted) -> bool:
    first_ns = parse_utc_ns(sidecar.first_received_at_utc)
    last_ns = parse_utc_ns(sidecar.last_received_at_utc)
    return first_ns < wanted.until_ns and last_ns >= wanted.since_ns - wanted.warm_up_ns


class _Export:
    def __init__(self, output: Path, wanted: Wanted, *, replace: bool) -> None:
        self._wanted, self._output = wanted, output
        self._datasets = {table: Dataset(output, table, replace=replace) for table in wanted.tables}
        self._names = TokenNames()
        self._top = TopOfBook()
        self._depth = DepthRows(wanted.depth_levels)
        self._conditions: set[str] = set()  # of the wanted markets, as far as rows have named them
        self._known_producers: set[tuple[str, str]] = set()  # with their hosts
        self._row: object = None
        self._unusable = 0

    def take(self, step: Step) -> None:
        """The tables' rows of one step; steps before `since` only warm the books up."""
        if self._row is None:
            self._refuse_other_exchange(step.row.exchange)
        self._note_tokens(step)
        place = self._place_of(step)
        written = place.received_at_ns >= self._wanted.since_ns
        if step.broken is not None:
            self._add("top_of_book", self._top.lost(place, step.broken.token_ids), written=written)
        event = step.event
        if event is None:
            if written and step.row.record_type != MESSAGE_RECORD:
                detail = step.row.detail
                words = str(detail.get("cause") or detail.get("reason") or "")
                self._add("events", [life_cycle_row(place, step.row.record_type, words)])
            return
        if isinstance(event, Unusable):
            self._unusable += written
            self._add("left_out", left_out_rows(place, event, self._names), written=written)
            return
        if isinstance(event, UnusualForms):
            return
        if self._wanted.markets and canonical_condition_id(event.market) not in self._conditions:
            return
        if written:
            self._add_events(step, place)
        self._add_books(step, place, written=written)

    def publish(self) -> Exported:
        """Give all files their names."""
        if not self._wanted.may_be_empty:
            self._refuse_missing(self._wanted.markets)
        datasets = self._datasets.values()
        for dataset in datasets:
            dataset.finish()
        files = [path for dataset in datasets for path in dataset.publish()]
        rows = {table: dataset.rows for table, dataset in self._datasets.items()}
        size = sum(dataset.bytes for dataset in datasets)
        return Exported(rows=rows, files=tuple(files), bytes=size, unusable_events=self._unusable)

    def discard(self) -> None:
        """Leave nothing behind."""
        for dataset in self._datasets.values():
            dataset.discard()

    def _note_tokens(self, step: Step) -> None:
        """Tokens change with life-cycle rows only; where rows are missing, any row may name new ones."""
        row = step.row
        same = row.record_type == MESSAGE_RECORD and step.broken is None
        if same and (row.host, row.producer) in self._known_producers:
            return
        self._known_producers.add((row.host, row.producer))
        self._names.note(row.tokens)
        self._conditions.update(
            canonical_condition_id(token.condition_id)
            for token in row.tokens
            if token.market_slug in self._wanted.markets
        )

    def _place_of(self, step: Step) -> Place:
        row = step.row
        self._row = row
        return Place(
            row.received_at_ns,
            row.producer,
            row.session_id,
            row.message_sequence or None,
            row.global_message_sequence or None,
            step.event_index,
            row.exchange,
        )

    def _add_events(self, step: Step, place: Place) -> None:
        if "events" in self._datasets and step.event is not None:
            self._add("events", event_rows(place, step.event, self._names))

    def _add_books(self, step: Step, place: Place, *, written: bool) -> None:
        for token_id in step.token_ids:
            book = step.books.get(token_id)
            if book is None:
                continue
            if "top_of_book" in self._datasets:
                row = self._top.row(place, book, self._names)
                self._add("top_of_book", [row] if row is not None else [], written=written)
            if "depth" in self._datasets and isinstance(step.event, BookSnapshot | PriceChange):
                deep = self._depth.row(place, step.event, book, self._names)
                levels = sum(map(len, deep[-4:]))
                if written:
                    self._datasets["depth"].add(deep, levels=levels)

    def _add(self, table: Table, rows: Iterable[Row], *, written: bool = True) -> None:
        dataset = self._datasets.get(table)
        if dataset is not None and written:
            for row in rows:
                dataset.add(row)

    def _refuse_other_exchange(self, exchange: Exchange) -> None:
        """What lies in the folder already is read together with what is to come."""
        earlier = next(self._output.glob(f"*/*/*/*{SUFFIX}"), None)
        held = exchange_in(earlier) if earlier is not None else None
        if held not in {None, exchange}:
            raise ArchiveError(
                f"{self._output}: holds tables of {held} data, this is {exchange}: choose another --output"
            )

    def _refuse_missing(self, markets: Collection[str]) -> None:
        there = {token.market_slug for token in self._names.by_id.values()}
        for market in markets:
            if market not in there:
                raise ArchiveError(no_such_market(market, there))
        if not there:
            raise ArchiveError("there is nothing to export: no archive holds a row of this time")
