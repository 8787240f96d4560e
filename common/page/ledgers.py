"""The ledgers of a data root for the calendar: each is read once, because ledgers never change."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from common.archive.ledger import stored_ledgers
from common.core.instants import parse_utc_ns
from common.core.page.calendar import (
    HOUR_NS,
    HourConditions,
    LedgerConditions,
    calendar_view,
    conditions_of,
    hour_view,
)
from common.core.rows.names import BOOK_STREAMS

MOST_LEDGERS = 10_000  # 90 days have 4,320 where windows are hours; the newest count
MOST_OF_AN_HOUR = 24

log = logging.getLogger(__name__)


class LedgerShelf:
    """Reads ledgers on request, in the thread that asks, one asker at a time."""

    def __init__(self, data_root: Path) -> None:
        self._data_root = data_root
        self._lock = threading.Lock()
        self._known: dict[Path, HourConditions | None] = {}

    def calendar(self, *, days: int, now_ns: int) -> dict[str, Any]:
        """The calendar of the newest `days`."""
        since_ns = now_ns - (days + 1) * 24 * HOUR_NS
        with self._lock:
            paths = self._paths(since_ns)
            known = self._known
            self._known = {path: known[path] if path in known else _conditions(path) for path in paths}
            hours = [each for each in self._known.values() if each is not None]
        return calendar_view(hours, days=days, now_ns=now_ns)

    def hour(self, *, row: str, from_ns: int) -> dict[str, Any]:
        """What the ledgers of one hour say of a row of the calendar."""
        hour = from_ns // HOUR_NS
        wanted = [path for start, path in self._starts() if start // HOUR_NS == hour]
        return hour_view(_documents(wanted[-MOST_OF_AN_HOUR:]), row=row)

    def _starts(self) -> list[tuple[int, Path]]:
        return sorted(
            each for stream in BOOK_STREAMS for each in stored_ledgers(self._data_root, stream).items()
        )

    def _paths(self, since_ns: int) -> list[Path]:
        return [path for start, path in self._starts() if start >= since_ns][-MOST_LEDGERS:]


def _conditions(path: Path) -> HourConditions | None:
    try:
        ledger = msgspec.json.decode(path.read_bytes(), type=LedgerConditions)
        return conditions_of(ledger, parse_utc_ns(ledger.from_utc))
    except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors
        log.warning("ledger left out of the calendar", extra={"path": str(path), "reason": str(error)})
        return None


def _documents(paths: list[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        try:
            document = msgspec.json.decode(path.read_bytes())
            msgspec.convert(document, LedgerConditions)
        except (OSError, ValueError) as error:
            log.warning("ledger not shown", extra={"path": str(path), "reason": str(error)})
            continue
        yield document
