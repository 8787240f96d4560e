"""Recordings for programs that analyse them: events as a table, books at any instants, and windows with their ends.

from pathlib import Path
from common.archive.formats.reading import books_at, load_events, windows

events = load_events(Path("data"), since="2026-11-23T12:00:00Z", until="2026-11-23T13:00:00Z")
for book in books_at(Path("data"), ["2026-11-23T12:12:00Z"]):
    print(book.token.market_slug, book.token.outcome, book.bids[:1], book.asks[:1])
for window in windows(Path("data")):
    print(window.market_slug, window.strike, window.final, window.winner, window.recomputed)

`root` is an archive, a folder such as a data root, or several of them; two legs and several hosts are one stream.
Instants are nanoseconds since 1970 or ISO 8601 texts.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from common.archive.formats.flow import Flow
from common.archive.formats.passing import with_passing
from common.archive.formats.sources import LOOK_BACKS_NS
from common.archive.replay import Instant, instant_ns, read_archive, replay
from common.archive.views.export import Wanted, export
from common.archive.windows import WindowFacts, windows
from common.core.books.book import Book, PriceSize
from common.core.market import Token
from common.core.rows.origin import LegChoice
from common.core.rows.reading import Row

__all__ = ["KnownBook", "WindowFacts", "books_at", "load_events", "windows"]

Root = Path | Iterable[Path]


class KnownBook(msgspec.Struct, frozen=True):
    """A token's book as it was known at an instant, the best level of each side first, in the exchange's own digits.

    `exchange_ms` is the exchange's time of its newest change.
    """

    at_ns: int
    token: Token
    exchange_ms: int
    bids: tuple[PriceSize, ...]
    asks: tuple[PriceSize, ...]


def load_events(
    root: Root,
    *,
    since: Instant = 0,
    until: Instant = 1 << 62,
    markets: Sequence[str] = (),
    leg: LegChoice = "merged",
    clock_error_ms: float | None = None,
) -> Any:  # noqa: ANN401 - pyarrow has no types
    """The events of a time as a `pyarrow.Table` with the columns of the exported table `events`, in their order.

    `polars.from_arrow` makes a polars frame of it. Memory holds all of it: choose the time accordingly.
    Raises ArchiveError where nothing was recorded, or a market was not.
    """
    wanted = Wanted(
        tables=("events",),
        since_ns=instant_ns(since),
        until_ns=instant_ns(until),
        markets=tuple(markets),
        warm_up_ns=0,
    )
    with TemporaryDirectory() as folder:
        done = export(_paths(root), Path(folder), wanted, leg=leg, clock_error_ms=clock_error_ms)
        return pa.concat_tables([pq.read_table(path, partitioning=None) for path in done.files])


def books_at(
    root: Root,
    instants: Iterable[Instant],
    *,
    markets: Sequence[str] = (),
    leg: LegChoice = "merged",
    clock_error_ms: float | None = None,
) -> Iterator[KnownBook]:
    """The book of every token that is known at each of the instants, in their order; one reading serves all of them.

    A token whose book is not known then, because of a gap or before its first snapshot, is left out. Raises
    ArchiveError where an archive cannot be read.
    """
    wanted = sorted({instant_ns(instant) for instant in instants})
    for back_ns in LOOK_BACKS_NS if wanted else ():
        thorough = back_ns == LOOK_BACKS_NS[-1]
        reading = _Reading(Flow(wanted[0], markets=markets), thorough=thorough)
        rows = read_archive(
            _paths(root),
            since=max(wanted[0] - back_ns, 0),
            until=wanted[-1] + 1,
            leg=leg,
            clock_error_ms=clock_error_ms,
        )
        yield from reading.books(with_passing(rows, [at_ns + 1 for at_ns in wanted], reading.passed))
        if not reading.needs_more:
            return


class _Reading:
    """Reads rows once, and stops where a book at the first instant is older than they are, unless `thorough`."""

    def __init__(self, flow: Flow, *, thorough: bool) -> None:
        self.needs_more = False
        self._flow, self._thorough = flow, thorough
        self._found: list[KnownBook] = []

    def passed(self, after_ns: int) -> None:
        """An instant has come to its end: the books are what they were then."""
        self.needs_more = self.needs_more or (bool(self._flow.without_book) and not self._thorough)
        self._thorough = True  # only the first instant is about what came before the rows
        if not self.needs_more:
            self._found += [_known(after_ns - 1, token, book) for token, book in self._flow.books()]

    def books(self, rows: Iterator[Row]) -> Iterator[KnownBook]:
        """The books that are found as the rows go by."""
        for step in replay(rows):
            yield from self._take()
            if self.needs_more:
                return
            for _ in self._flow.take(step):
                pass
        yield from self._take()

    def _take(self) -> list[KnownBook]:
        found, self._found = self._found, []
        return found


def _known(at_ns: int, token: Token, book: Book) -> KnownBook:
    bids, asks = book.bid_ladder.levels, book.ask_ladder.levels
    return KnownBook(at_ns, token, book.timestamp_ms, tuple(reversed(bids)), tuple(reversed(asks)))


def _paths(root: Root) -> tuple[Path, ...]:
    return (root,) if isinstance(root, Path) else tuple(root)
