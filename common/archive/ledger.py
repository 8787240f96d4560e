"""Ledgers on disk: computed from closed archives alone, written once, never changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.archive.hours import HourArchive, part_of, rows_of
from common.core.audit.divergence import Divergence
from common.core.events.reader import read_events
from common.core.events.rest_answer import NO_ANSWER, read_answer
from common.core.format_version import newer_words
from common.core.ledger.document import (
    LEDGER_SCHEMA_VERSION,
    AnyLedger,
    CheckpointLedger,
    FeedLedger,
    LedgerArchive,
    OlderLedger,
    Window,
)
from common.core.ledger.feed_document import Sources
from common.core.ledger.later import Later
from common.core.ledger.one_leg import OneLeg
from common.core.ledger.rest_window import CheckpointHour
from common.core.ledger.two_legs import TwoLegs
from common.core.rows.details import NOTHING
from common.core.rows.names import (
    BOOK_STREAMS,
    LEDGER_FOLDER,
    LEDGER_SUFFIX,
    REST_CHECKPOINTS,
    WS_RAW,
    ledger_path,
    stream_of,
    window_start_of,
)
from common.core.rows.order import in_recorded_order
from common.core.rows.reading import Row
from common.core.rows.websocket import MESSAGE_RECORD
from common.files import write_atomically

ABSENT_WINDOWS = 1000  # a recorder that was away for longer leaves no ledgers of that time; 41 days of hours
FIRST_WINDOWS = 48  # of recordings without any ledger only so many of the newest windows get one

Ledgers = Mapping[str, AnyLedger]


class HourAccount:
    """One window of the books' streams, others are passed over; what the rows of one say, the other may need."""

    def __init__(self, window: Window, *, two_legs: bool = False) -> None:
        """`two_legs`: compare them, see `has_two_legs`."""
        self._feed = TwoLegs(window) if two_legs else OneLeg(window)
        self._checkpoints = CheckpointHour(window)
        self._exchange: str | None = None

    def take(self, stream: str, row: Row) -> None:
        """Account for a row."""
        self._exchange = self._exchange or row.stated_exchange
        if stream not in BOOK_STREAMS:
            return
        if stream == REST_CHECKPOINTS:
            answer = NO_ANSWER if row.response_json == NOTHING else read_answer(row.payload_json)
            self._checkpoints.take(row, answer)
            self._feed.checkpoint(row, answer)
        elif row.record_type == MESSAGE_RECORD:
            self._feed.message(row, read_events(row.payload_json))
        else:
            self._feed.life_cycle(row)

    @property
    def unended(self) -> list[tuple[str, str]]:
        """Producer and id of each websocket session that has no end in the window."""
        return self._feed.unended

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """The divergences of the window, with the levels that its rows show to differ."""
        return self._feed.divergences

    def finish(self, later: Later, archives: Iterable[HourArchive], torn: Iterable[Path]) -> Ledgers:
        """The ledgers of both streams, by stream."""
        known, unreadable = list(archives), sorted(path.name for path in torn)

        def sources(stream: str) -> Sources:
            names = tuple(name for name in unreadable if f"_{stream}_" in name)
            return Sources(tuple(told_archives(known, stream)), names)

        feed, checks = self._feed.finish(later, sources(WS_RAW))
        self._checkpoints.checked(checks)
        of_rest = sources(REST_CHECKPOINTS)
        checkpoints = self._checkpoints.finish(later, of_rest.archives, of_rest.unreadable)
        return {
            WS_RAW: msgspec.structs.replace(feed, exchange=self._exchange),
            REST_CHECKPOINTS: msgspec.structs.replace(checkpoints, exchange=self._exchange),
        }


def has_two_legs(archives: Iterable[HourArchive]) -> bool:
    """Whether archives of a window are of a second leg: by their sidecars, or else by their first rows."""
    return any(_leg_of(each) == "b" for each in archives if each.stream == WS_RAW)


def _leg_of(archive: HourArchive) -> str | None:
    if archive.sidecar is not None:
        return archive.sidecar.leg
    first = next(rows_of(archive.path, lambda _path: None), None)
    return None if first is None else first.leg


def told_archives(archives: Iterable[HourArchive], stream: str) -> list[LedgerArchive]:
    """The archives of a stream as a ledger names them, by name; one without a sidecar has an empty sum."""
    return [
        LedgerArchive(
            each.path.name,
            each.sidecar.rows if each.sidecar else 0,
            each.sidecar.sha256 if each.sidecar else "",
        )
        for each in sorted(archives, key=lambda archive: archive.path.name)
        if each.stream == stream
    ]


def compute_ledgers(window: Window, archives: Sequence[HourArchive], later: Later) -> Ledgers:
    """Read the archives of a window, and account for it."""
    account, torn = HourAccount(window, two_legs=has_two_legs(archives)), set[Path]()
    parts = (part_of(each, partial(rows_of, each.path, torn.add)) for each in archives)
    for stream, row in in_recorded_order(parts):
        account.take(stream, row)
    return account.finish(later, archives, torn)


def write_ledger(data_root: Path, window: Window, ledger: AnyLedger) -> bool:
    """Write a ledger durably, unless there is one already: False then. Raises OSError."""
    path = data_root / ledger_path(ledger.stream, window.from_ns)
    if path.exists():
        return False
    write_atomically(path, msgspec.json.format(msgspec.json.encode(ledger), indent=1) + b"\n")
    return True


def read_older_ledger(path: Path) -> OlderLedger | None:
    """A ledger that an earlier version of the program wrote, None if it is of this one's.

    Raises OSError, msgspec.DecodeError if it is not a ledger, ValueError if a later version wrote it.
    """
    found = msgspec.json.decode(path.read_bytes(), type=OlderLedger)
    if found.schema_version > LEDGER_SCHEMA_VERSION:
        version = found.schema_version
        raise ValueError(newer_words("schema_version", version, LEDGER_SCHEMA_VERSION, found.program_version))
    return found if found.schema_version < LEDGER_SCHEMA_VERSION else None


def read_ledger(path: Path) -> AnyLedger:
    """A ledger. Raises OSError, or msgspec.DecodeError if it is none."""
    if stream_of(path.name) == WS_RAW:
        return msgspec.json.decode(path.read_bytes(), type=FeedLedger)
    return msgspec.json.decode(path.read_bytes(), type=CheckpointLedger)


def stored_ledgers(data_root: Path, stream: str) -> dict[int, Path]:
    """The ledgers of a stream that are there, by the start of their window."""
    paths = (data_root / LEDGER_FOLDER / stream).rglob(f"polymarket_{stream}_*{LEDGER_SUFFIX}")
    return {start: path for path in paths if (start := window_start_of(path.name)) is not None}


def windows_due(
    starts: Iterable[int],
    ledgered: Iterable[int],
    *,
    interval_ns: int,
    until_ns: int,
    has_left: Callable[[int], bool],
) -> list[Window]:
    """The windows that are over at `until_ns` and want a ledger, in the order of time.

    `starts` are those with archives; between two of them those without any want one too. Not one of which
    archives have left for the remote: of what is no longer here nothing can be said.
    """
    known = sorted(set(starts))
    last = max(ledgered, default=None)
    if last is None:
        known = known[-FIRST_WINDOWS:]
        before = known[0] - interval_ns if known else 0
    else:
        known = [start for start in known if start > last]
        before = last
    wanted: list[int] = []
    for start in known:
        absent = range(before + interval_ns, start, interval_ns)
        wanted += [*(absent if len(absent) <= ABSENT_WINDOWS else ()), start]
        before = start
    ends = [
        min(start + interval_ns, after) for start, after in zip(wanted, [*wanted, 1 << 63][1:], strict=True)
    ]
    over = [Window(start, end) for start, end in zip(wanted, ends, strict=True) if end <= until_ns]
    return [window for window in over if not has_left(window.from_ns)]
