"""Copies of a data root, as the remote has them: closed archives, sidecars and ledgers, and no journal."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from common.archive.read import iterate_lines
from common.archive.sidecar import Sidecar, read_sidecar
from common.core.rows.names import window_start_of
from common.core.rows.reading import row_of
from common.core.verify.copy_edge import NO_ARCHIVE, NO_SIDECAR, CopyEdge, edge_of
from common.core.verify.sequences import Finding
from common.errors import ArchiveError


def copy_edge(archives: Iterable[Path]) -> CopyEdge | None:
    """Where a copy ends; None where it holds no archive of the runtime."""
    return edge_of(_windows(archives))


def _windows(archives: Iterable[Path]) -> Iterator[tuple[int, Mapping[str, int]]]:
    for path in archives:
        start_ns = window_start_of(path.name)
        if start_ns is None:
            continue
        try:
            yield start_ns, _highest_numbers(read_sidecar(path))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            yield start_ns, _producer_of(path)


def _highest_numbers(sidecar: Sidecar) -> Mapping[str, int]:
    highest = dict.fromkeys(sidecar.producers, 0)
    for session in sidecar.sessions:
        number = session.last_global_message_sequence
        highest[session.producer] = max(number, highest.get(session.producer, 0))
    return highest


def _producer_of(path: Path) -> Mapping[str, int]:
    """Of an archive whose sidecar is not here yet: it is one of the newest, whose numbers do not matter."""
    with suppress(OSError, ArchiveError, msgspec.DecodeError, UnicodeDecodeError):
        for line in iterate_lines(path):
            return {row_of(line).producer: 0}
    return {}


def is_to_come(finding: Finding, edge: CopyEdge) -> bool:
    """Whether what a finding lacks may still be on its way: an archive comes to the remote before its sidecar."""
    if finding.words not in {NO_SIDECAR, NO_ARCHIVE}:
        return False
    return (window_start_of(finding.where.rpartition("/")[2]) or 0) >= edge.newest_ns
