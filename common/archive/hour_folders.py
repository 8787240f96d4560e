"""The folders `dt=YYYY-MM-DD/hour=HH` of a data root, found by their names: a year of them costs no look into each."""

import os
from collections.abc import Iterator
from pathlib import Path

from common.core.instants import utc_text
from common.core.rows.names import (
    ARCHIVE_SUFFIX,
    BOOK_STREAMS,
    LEDGER_FOLDER,
    LEDGER_SUFFIX,
    RUNTIME_FOLDER,
    window_start_of,
)


def newest_first(top: Path, *, since_ns: int = 0, until_ns: int | None = None) -> Iterator[Path]:
    """Hour folders below `top`, the newest first, that may hold windows which start from `since_ns` to `until_ns`."""
    day, hour = _names_of(since_ns)
    until = ("dt=9999", "") if until_ns is None else _names_of(until_ns)
    for day_name in sorted(_names(top, "dt="), reverse=True):
        if day_name < day:
            return
        for hour_name in sorted(_names(top / day_name, "hour="), reverse=True):
            if (day, hour) <= (day_name, hour_name) <= until:
                yield top / day_name / hour_name


def _names_of(at_ns: int) -> tuple[str, str]:
    """The folders of the day and the hour of an instant."""
    text = utc_text(at_ns)
    return f"dt={text[:10]}", f"hour={text[11:13]}"


def _names(folder: Path, prefix: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.name.startswith(prefix)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def archives_since(data_root: Path, since_ns: int) -> list[Path]:
    """The closed archives that ledgers account for whose window starts at `since_ns` or later, ordered by path."""
    tops = [data_root / RUNTIME_FOLDER / stream for stream in BOOK_STREAMS]
    folders = [folder for top in tops for folder in newest_first(top, since_ns=since_ns)]
    return sorted(path for folder in folders for path in _archives(folder) if _start(path) >= since_ns)


def newest_windows(data_root: Path, count: int, *, until_ns: int | None = None) -> list[int]:
    """The starts of the newest windows, up to an instant, of which such archives are here: `count` if there are."""
    starts: set[int] = set()
    for stream in BOOK_STREAMS:
        mine: set[int] = set()
        for folder in newest_first(data_root / RUNTIME_FOLDER / stream, until_ns=until_ns):
            found = (_start(path) for path in _archives(folder))
            mine |= {start for start in found if start >= 0 and (until_ns is None or start <= until_ns)}
            if len(mine) >= count:
                break
        starts |= mine
    return sorted(starts)[-count:]


def newest_ledger(data_root: Path, stream: str, *, until_ns: int | None = None) -> int | None:
    """The start of the newest window of a stream that has a ledger; of those that begin until an instant."""
    for folder in newest_first(data_root / LEDGER_FOLDER / stream, until_ns=until_ns):
        names = _names(folder, f"polymarket_{stream}_")
        found = (window_start_of(name) for name in names if name.endswith(LEDGER_SUFFIX))
        starts = (start for start in found if start is not None and (until_ns is None or start <= until_ns))
        if (newest := max(starts, default=None)) is not None:
            return newest
    return None


def _archives(folder: Path) -> list[Path]:
    names = _names(folder, "polymarket_")
    return [path for name in names if name.endswith(ARCHIVE_SUFFIX) and (path := folder / name).is_file()]


def _start(path: Path) -> int:
    start = window_start_of(path.name)
    return -1 if start is None else start
