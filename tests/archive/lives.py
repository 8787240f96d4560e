"""A writer's life over an outbox that keeps every row: resume behind what is durable, commit, close.

Run as a program it is a writer to be killed: it tells each commit on its standard output.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from common.archive.read import closed_archives, iterate_lines
from common.archive.sidecar import read_sidecar
from common.archive.writing.store import LaneStore
from common.files import DISK, Disk
from tests.archive.rows import HOUR_NS, NOON_NS, RUNTIME, Row, append_all, message

OTHER = "rest_checkpointer-20261123T115900Z-a1b2"


def two_producers(count: int) -> list[Row]:
    """Rows of two producers in turn; the hour turns in the middle."""
    rows = []
    for n in range(1, count + 1):
        at_ns = NOON_NS + (0 if n <= count // 2 else HOUR_NS) + n * 1000
        rows += [message(n, at_ns=at_ns), message(n, at_ns=at_ns + 500, producer=OTHER)]
    return rows


def live(
    root: Path, rows: list[Row], disk: Disk, *, rows_a_commit: int, told: list[Mapping[str, int]]
) -> None:
    """One life. Every commit that came back is in `told`; whatever ends it, the lane is let go."""
    store = LaneStore.open(root, 0, layout=RUNTIME, gzip_level=1, disk=disk)
    try:
        told.append(dict(store.durable))
        left = [row for row in rows if row[2] > store.durable.get(row[1], 0)]
        for start in range(0, len(left), rows_a_commit):
            append_all(store, left[start : start + rows_a_commit])
            told.append(dict(store.commit()))
        store.close_all()
    finally:
        store.close()


def check(root: Path, rows: list[Row]) -> int:
    """Every row once, byte for byte, in order in its archive. Gives the number of archives recovered."""
    found: list[bytes] = []
    recovered = 0
    for archive in closed_archives(root):
        lines = list(iterate_lines(archive))
        numbers = [json.loads(line)["message_sequence"] for line in lines]
        assert numbers == sorted(set(numbers))
        sidecar = read_sidecar(archive)
        assert (sidecar.rows, sidecar.bytes) == (len(lines), archive.stat().st_size)
        [lane_range] = sidecar.producers.values()
        assert (lane_range.first_lane_sequence, lane_range.last_lane_sequence) == (numbers[0], numbers[-1])
        [session] = sidecar.sessions
        assert (session.first_message_sequence, session.count) == (numbers[0], len(lines))
        found += lines
        recovered += sidecar.recovered
    assert sorted(found) == sorted(row[3] for row in rows)
    assert [path.name for path in root.rglob("*.open")] == []
    return recovered


class _Told(list[Mapping[str, int]]):
    def append(self, durable: Mapping[str, int]) -> None:
        print(json.dumps(durable), flush=True)


if __name__ == "__main__":
    live(Path(sys.argv[1]), two_producers(int(sys.argv[2])), DISK, rows_a_commit=10, told=_Told())
