"""When messages became durable: the writers' journals, looked at from outside while a recorder runs."""

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from common.archive.journal import read_journal
from common.archive.read import iterate_lines
from common.benchmark.measured import Latency
from common.core.rows.names import WS_RAW
from common.core.rows.reading import row_of
from common.core.rows.websocket import MESSAGE_RECORD

LOOK_S = 0.004
NS_PER_MS = 1e6


class Seen(msgspec.Struct, frozen=True):
    """A commit, noticed at this instant: so many rows of an archive are durable."""

    at_monotonic_ns: int
    archive: str
    rows: int


class JournalWatch:
    """Follows every journal below a data root on a thread of its own, until `close`."""

    def __init__(self, data_root: Path) -> None:
        self.seen: list[Seen] = []
        self._folder = data_root / "journal"
        self._sizes: dict[Path, tuple[int, int]] = {}
        self._rows: dict[str, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """Note what is new."""
        for path in self._folder.glob("lane-*.journal"):
            facts = path.stat()
            seen = (facts.st_ino, facts.st_size)
            if self._sizes.get(path) != seen:
                self._sizes[path] = seen
                self._note(path, time.monotonic_ns())

    def _note(self, path: Path, now: int) -> None:
        line = read_journal(path)
        for file in line.files if line is not None else ():
            if file.stream == WS_RAW and file.rows > self._rows.get(file.path, 0):
                self._rows[file.path] = file.rows
                self.seen.append(Seen(now, file.path, file.rows))

    def close(self) -> None:
        """Stop watching; what has ended since the last look is noted."""
        self._over.set()
        self._thread.join()
        self.look()


class Archived(msgspec.Struct, frozen=True):
    """One row read back. `durable_monotonic_ns` is 0 where no commit of it was seen."""

    number: int
    sha256: str
    received_monotonic_ns: int
    durable_monotonic_ns: int


def read_back(data_root: Path, archives: Sequence[Path], seen: Sequence[Seen]) -> Iterator[Archived]:
    """Every message of these closed archives, with the commit that made it durable."""
    commits: dict[str, list[Seen]] = {}
    for each in seen:
        commits.setdefault(each.archive, []).append(each)
    for path in archives:
        yield from _read_archive(path, commits.get(path.relative_to(data_root).as_posix(), []))


def _read_archive(path: Path, commits: Sequence[Seen]) -> Iterator[Archived]:
    at = 0
    for index, line in enumerate(iterate_lines(path)):
        while at < len(commits) and commits[at].rows <= index:
            at += 1
        row = row_of(line)
        if row.record_type == MESSAGE_RECORD:
            durable = commits[at].at_monotonic_ns if at < len(commits) else 0
            yield Archived(
                row.global_message_sequence, row.payload_sha256 or "", row.received_monotonic_ns, durable
            )


def latency(messages: Sequence[Archived], rate: float, began_ns: int, ended_ns: int) -> Latency | None:
    """Over the messages that were received between these instants; None where there is none."""
    took = sorted(
        (each.durable_monotonic_ns - each.received_monotonic_ns) / NS_PER_MS
        for each in messages
        if began_ns <= each.received_monotonic_ns <= ended_ns and each.durable_monotonic_ns
    )
    if not took:
        return None
    return Latency(rate, len(took), took[len(took) // 2], took[len(took) * 99 // 100], took[-1])
