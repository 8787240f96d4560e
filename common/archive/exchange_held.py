"""Which exchange archives are of: as their sidecars state or, where those are older, as their first rows show."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from common.archive.read import iterate_lines, iterate_open_lines
from common.core.exchange_told import exchange_of
from common.core.market import Exchange
from common.core.rows.names import ARCHIVE_SUFFIX, OPEN_SUFFIX, RUNTIME_FOLDER, SAMPLE_FOLDER, sidecar_path
from common.core.rows.reading import row_of
from common.errors import ArchiveError

_TRACES = (
    "journal",
    "manifests",
    "ledgers",
    "uploads",
)  # what recordings leave when their archives have gone
_DISCOVERY = "discovery/polymarket_*_latest.json"


class _Origin(msgspec.Struct, frozen=True):
    """What a sidecar or a discovery file (`source`) states of where it comes from."""

    exchange: str | None = None
    source: str = ""


_ORIGIN = msgspec.json.Decoder(_Origin)


def exchange_of_archive(path: Path) -> Exchange | None:
    """The exchange that a closed archive is of; None where neither its sidecar nor its first row can be read."""
    try:
        stated = _ORIGIN.decode(Path(sidecar_path(str(path))).read_bytes()).exchange
    except (OSError, msgspec.DecodeError):
        stated = None
    return exchange_of_rows(stated, path)


def exchange_of_rows(stated: str | None, path: Path) -> Exchange | None:
    """The exchange of an archive's rows: as they state, or as the first one's URL shows where they do not."""
    return exchange_of(stated, "") if stated else _of_first_row(iterate_lines(path))


def one_exchange(archives: Mapping[Path, str | None]) -> Exchange | None:
    """The exchange that archives are of, by what their sidecars state; None where none can be read.

    Raises ArchiveError where it is not one: what is invented must not be merged with what is real.
    """
    first: dict[Exchange, Path] = {}
    for path, stated in archives.items():
        exchange = exchange_of_rows(stated, path)
        if exchange is not None:
            first.setdefault(exchange, path)
    if len(first) > 1:
        shown = ", ".join(f"{path} holds {exchange} data" for exchange, path in sorted(first.items()))
        raise ArchiveError(f"{shown}: they are not merged; give the paths of one kind")
    return next(iter(first), None)


def exchange_held(data_root: Path) -> Exchange | None:
    """The exchange that the newest recording of a data root is of; None where nothing was recorded in it.

    Where no archive can be read, the discovery file decides, and without one it is `live`.
    """
    for path in _newest_first(data_root):
        exchange = _of_open(path) if path.name.endswith(OPEN_SUFFIX) else exchange_of_archive(path)
        if exchange is not None:
            return exchange
    recorded = any(
        any((data_root / folder).glob("*")) for folder in (*_TRACES, RUNTIME_FOLDER, SAMPLE_FOLDER)
    )
    return _of_discovery(data_root) if recorded else None


def _of_discovery(data_root: Path) -> Exchange:
    """A discovery alone is not a recording: the file tells only what there was recorded from."""
    for path in data_root.glob(_DISCOVERY):
        try:
            found = _ORIGIN.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
        return exchange_of(found.exchange, found.source)
    return "live"


def _newest_first(data_root: Path) -> Iterable[Path]:
    found = (
        path
        for folder in (RUNTIME_FOLDER, SAMPLE_FOLDER)
        for path in (data_root / folder).rglob(f"*{ARCHIVE_SUFFIX}*")
        if path.name.endswith((ARCHIVE_SUFFIX, OPEN_SUFFIX))
    )
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _of_open(path: Path) -> Exchange | None:
    return _of_first_row(iterate_open_lines(path, path.stat().st_size))


def _of_first_row(lines: Iterator[bytes]) -> Exchange | None:
    try:
        return row_of(next(lines)).exchange
    except (StopIteration, ArchiveError):
        return None
