"""Which hours a recording has, and which archives an hour is made of."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from common.archive.exchange_held import one_exchange
from common.archive.legs import MARGIN_NS, recording_of
from common.archive.merge import FoundPart, Span, find_parts
from common.archive.replay import archives_of
from common.archive.sidecar import read_sidecar
from common.core.instants import NS_PER_SECOND

HOUR_NS = 3600 * NS_PER_SECOND
LOOK_BACKS_NS = (
    900 * NS_PER_SECOND,
    6 * HOUR_NS,
    26 * HOUR_NS,
)  # a day's market is subscribed the day before
_EVER = Span(0, 1 << 63)


class Sources:
    """The websocket archives at and below some paths. Raises ArchiveError where there are none or of two exchanges."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = tuple(paths)
        named: Mapping[Path, str] = {
            archive: recording_of(path) for path in self.paths for archive in archives_of(path)
        }
        self._parts: Sequence[FoundPart] = find_parts(named, _EVER)
        self.exchange = one_exchange({part.path: part.exchange for part in self._parts})
        self._rows = {part.path: _rows(part.path) for part in self._parts}

    def hours(self, since_ns: int, until_ns: int) -> list[int]:
        """The starts of all hours from the first row to the last within these bounds, in order."""
        spans = [(part.first_ns, part.last_ns) for part in self._parts]
        if not spans:
            return []
        first = max(min(first for first, _ in spans), since_ns)
        last = min(max(last for _, last in spans) - 1, until_ns - 1)
        return list(range(first - first % HOUR_NS, last + 1, HOUR_NS))

    def is_recorded(self, hour_ns: int) -> bool:
        """Whether an archive has rows of the hour."""
        return any(self._of(hour_ns, hour_ns + HOUR_NS))

    def rows(self, hour_ns: int) -> int:
        """About how many rows there are in the archives of an hour; 0 where sidecars are missing."""
        return sum(self._rows[path] for path in {part.path for part in self._of(hour_ns, hour_ns + HOUR_NS)})

    def digest(self, hour_ns: int) -> str:
        """A digest of the archives that can have a part in an hour: another one if any of them came or went."""
        since_ns, until_ns = hour_ns - LOOK_BACKS_NS[-1], hour_ns + HOUR_NS + MARGIN_NS
        used = {f"{part.path.name} {part.path.stat().st_size}\n" for part in self._of(since_ns, until_ns)}
        return hashlib.sha256("".join(sorted(used)).encode()).hexdigest()

    def _of(self, since_ns: int, until_ns: int) -> Iterable[FoundPart]:
        return (part for part in self._parts if part.first_ns < until_ns and part.last_ns >= since_ns)


def _rows(path: Path) -> int:
    try:
        return read_sidecar(path).rows
    except (OSError, msgspec.DecodeError):
        return 0
