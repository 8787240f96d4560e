"""Which rows wait too long to become durable, and why, from what the producers and the writers state."""

from collections.abc import Iterable, Mapping

import msgspec

from common.core.terminal.text import span_text

SHORTEST_BOUND_S = 30.0
COMMITS_IN_BOUND = 10
SILENT_S = 10.0  # a writer speaks about twice a second, but not while a commit waits for the disk


class WaitingLane(msgspec.Struct, frozen=True):
    """What waits in one lane of a producer. `oldest_s` is the age of its oldest row that is not durable."""

    producer: str
    lane: int
    oldest_s: float
    owned: bool


class WriterWord(msgspec.Struct, frozen=True):
    """What is known of the writer of a lane: its last failure in this run, and for how long it has been silent.

    `failed_s` is the age of the failure, None where there was none; `silent_s` is None for a writer that never spoke.
    """

    failure: str = ""
    failed_s: float | None = None
    silent_s: float | None = None


def bound_s(commit_interval_s: float) -> float:
    """For longer than this no row waits unless something is wrong."""
    return max(SHORTEST_BOUND_S, COMMITS_IN_BOUND * commit_interval_s)


def late_rows(
    lanes: Iterable[WaitingLane], writers: Mapping[int, WriterWord], *, limit_s: float
) -> dict[str, str]:
    """The reason for each producer and lane whose rows are late, by `<producer> lane <n>`."""
    return {
        f"{waiting.producer} lane {waiting.lane}": _reason(waiting, writers.get(waiting.lane, WriterWord()))
        for waiting in lanes
        if waiting.oldest_s > limit_s
    }


def _reason(waiting: WaitingLane, writer: WriterWord) -> str:
    name = f"archive_writer-{waiting.lane}"
    waits = (
        f"received rows of {waiting.producer} are not durable, the oldest for {span_text(waiting.oldest_s)}"
    )
    return f"{waits}: {_cause(name, waiting, writer)}"


def _cause(name: str, waiting: WaitingLane, writer: WriterWord) -> str:
    if writer.failed_s is not None and writer.failed_s < waiting.oldest_s:
        return f"{name} failed: {writer.failure}"
    if writer.silent_s is None:
        return f"{name} has not begun its work; see its log"
    if writer.silent_s > SILENT_S:
        return f"{name} has been silent for {span_text(writer.silent_s)}: it is stopped, or the disk does not answer"
    if not waiting.owned:
        return f"{name} has not claimed lane {waiting.lane}; see its log"
    return f"{name} is too slow: see the load of the machine and of the disk"
