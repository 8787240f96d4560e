"""A run counts only if every frame that was sent is in the files, once, in order, byte for byte."""

import gzip
import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from common.archive.read import iterate_lines
from common.archive.verify.data_root import verify_data_root
from common.benchmark.durable import Archived
from common.benchmark.frames import CLOSE, Load, frame
from common.benchmark.measured import Way
from common.core.rows.reading import row_of

TOLD = 5


class Expected:
    """The hashes of what was sent, in order."""

    def __init__(self, load: Load) -> None:
        self._opening = hashlib.sha256(load.opening).hexdigest()
        self._circle = [hashlib.sha256(payload).hexdigest() for payload in load.circle]

    def sha256(self, number: int) -> str:
        """Of the nth message, from 1."""
        return self._opening if number == 1 else self._circle[(number - 2) % len(self._circle)]


@contextmanager
def verifying(data_root: Path) -> Iterator[Callable[[], list[str]]]:
    """Verifies a data root in a process beside; what is returned waits for its findings, as text."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as beside:
        yield beside.submit(_verify, data_root).result


def _verify(data_root: Path) -> list[str]:
    found = verify_data_root(data_root, partial=False, progress=lambda _rows: None)
    return [f"{each.where}: {each.words}" for each in found.findings[:TOLD]]


def prove_recorder(messages: Sequence[Archived], sent: int, load: Load) -> list[str]:
    """What is wrong beside what verification finds: each message that is missing, twice, or another."""
    wrongs: list[str] = []
    numbers = sorted(each.number for each in messages)
    if numbers != list(range(1, sent + 1)):
        wrongs.append(f"{sent:,} messages were sent, {len(set(numbers)):,} of them are archived")
    expected = Expected(load)
    others = sum(each.sha256 != expected.sha256(each.number) for each in messages)
    if others:
        wrongs.append(f"{others:,} messages are not as they were sent")
    return wrongs


def prove_loop(way: Way, path: Path, sent: int, load: Load) -> list[str]:
    """The same for a loop's file; the floor's holds the bytes of the socket."""
    if way == "floor":
        return _prove_bytes(path, sent, load)
    expected = Expected(load)
    count = wrong = 0
    for count, line in enumerate(iterate_lines(path), 1):
        row = row_of(line)
        own = hashlib.sha256(row.payload or b"").hexdigest()
        wrong += row.payload_sha256 != expected.sha256(count) or own != row.payload_sha256
    wrongs = [f"{sent:,} messages were sent, {count:,} are in the file"] if count != sent else []
    return [*wrongs, *([f"{wrong:,} messages are not as they were sent"] if wrong else [])]


def _prove_bytes(path: Path, sent: int, load: Load) -> list[str]:
    with gzip.open(path) as file:
        for piece in _wire(sent, load):
            if file.read(len(piece)) != piece:
                return ["the file is not what was sent"]
    return []


def _wire(sent: int, load: Load) -> Iterator[bytes]:
    framed = [frame(payload) for payload in load.circle]
    yield frame(load.opening)
    for number in range(sent - 1):
        yield framed[number % len(framed)]
    yield frame((1000).to_bytes(2, "big"), CLOSE)
