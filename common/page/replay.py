"""Replays books for the page, as a process of its own: a question on standard input, an answer on output.

It is short-lived, of low priority, and bounded in processor time and memory, so that nothing that a browser
asks for can slow the recorder.
"""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from common.archive.legs import MergedRows
from common.archive.replay import Row
from common.archive.views.book_views import BATCH_NS, LOOK_BACKS_NS, Recording, views_between
from common.archive.views.window_charts import window_charts
from common.core.page.book import LEVELS, BookQuestion, book_document, frames_at
from common.core.page.windows import WindowCharts, WindowsQuestion
from common.core.views.markets_named import TokenChoice
from common.errors import EXIT_DONE, EXIT_FAILED, RecorderError

NICENESS = 10  # behind every process of the recorder, and still done on a busy machine
CPU_LIMIT_S = 60
CPU_LIMIT_OF_WINDOWS_S = 120  # several books, and kept once they are over
MEMORY_LIMIT = 2 << 30
T = TypeVar("T")


class NotedRecording(Recording, frozen=True):
    """A recording that notes the receive time of the last row that was read."""

    newest_ns: list[int] = msgspec.field(default_factory=lambda: [0])

    def rows(self, since_ns: int, until_ns: int | None = None) -> Iterator[Row]:
        """The rows, in order; of two legs as MergedRows, for whose books both copies of a message count."""
        rows = Recording.rows(self, since_ns, until_ns)
        if isinstance(rows, MergedRows):
            return MergedRows(self._noting(rows.entries, lambda entry: entry.row.received_at_ns))
        return self._noting(rows, lambda row: row.received_at_ns)

    def _noting(self, passing: Iterator[T], received_at_ns: Callable[[T], int]) -> Iterator[T]:
        for each in passing:
            self.newest_ns[0] = received_at_ns(each)
            yield each


def charts(data_root: Path, question: WindowsQuestion) -> WindowCharts:
    """The charts of windows. Raises RecorderError."""
    found = window_charts(Recording((data_root,)), question)
    return WindowCharts(tuple(found), cpu_seconds=round(time.process_time(), 3))


def answer(data_root: Path, question: BookQuestion) -> dict[str, object]:
    """The answer about a book, looking back only as far as there is a book to begin with. Raises RecorderError."""
    recording = NotedRecording(paths=(data_root,))
    choice = TokenChoice(question.token_id)
    for back_ns in LOOK_BACKS_NS:
        until_ns = question.to_ns + BATCH_NS
        views = views_between(recording, choice, question.from_ns - back_ns, until_ns, levels=LEVELS)
        frames = list(frames_at(views, question.instants_ns))
        if frames[0] is not None and frames[0].book:
            break
    return book_document(frames, question, recorded_until_ns=recording.newest_ns[0])


def main() -> int:
    """Answer one question; 1 with the reason where that cannot be done."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=BookQuestion | WindowsQuestion)
    limit_s = CPU_LIMIT_OF_WINDOWS_S if isinstance(question, WindowsQuestion) else CPU_LIMIT_S
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
    try:
        root = Path(sys.argv[1])
        document: object = (
            charts(root, question) if isinstance(question, WindowsQuestion) else answer(root, question)
        )
        code = EXIT_DONE
    except RecorderError as error:
        document, code = {"error": str(error)}, EXIT_FAILED
    sys.stdout.buffer.write(msgspec.json.encode(document))
    return code


if __name__ == "__main__":
    sys.exit(main())
