"""Whether received rows become durable, as the facts of producers and writers show it."""

from collections.abc import Iterator, Mapping

from common.core.instants import NS_PER_SECOND
from common.core.status.durability import WaitingLane, WriterWord, bound_s, late_rows
from common.runtime.clock import Clock
from common.runtime.run.details import BESIDE_BOOKS, NOTHING, ProducerDetails
from common.runtime.run.facts import Facts

WRITER = "archive_writer-"


def late_row_reasons(
    facts: Mapping[str, Facts], *, commit_interval_s: float, clock: Clock, since_monotonic_ns: int
) -> dict[str, str]:
    """The reason for each lane of a producer whose rows wait for too long, by producer and lane.

    What an earlier run left is not late before this one, which looks since `since_monotonic_ns`, could archive it.
    """
    limit_s = bound_s(commit_interval_s)
    if (clock.monotonic_ns() - since_monotonic_ns) / NS_PER_SECOND < limit_s:
        return {}
    now, wall_ns = clock.monotonic_ns(), clock.wall_ns()
    writers = {
        int(name.removeprefix(WRITER)): _word(fact, now, wall_ns)
        for name, fact in facts.items()
        if name.startswith(WRITER)
    }
    return late_rows(_waiting(facts, now), writers, limit_s=limit_s)


def _word(fact: Facts, now: int, wall_ns: int) -> WriterWord:
    failed_s = (wall_ns - fact.failed_at_ns) / NS_PER_SECOND if fact.failure else None
    silent_s = (now - fact.updated_monotonic_ns) / NS_PER_SECOND if fact.details != NOTHING else None
    return WriterWord(fact.failure, failed_s, silent_s)


def _waiting(facts: Mapping[str, Facts], now: int) -> Iterator[WaitingLane]:
    """Each lane with rows that wait; they have waited on since their producer stated it, dead or alive."""
    for name, fact in facts.items():
        if not isinstance(fact.details, ProducerDetails) or isinstance(fact.details, BESIDE_BOOKS):
            continue  # a writer that is late keeps rows of books waiting too
        outbox = fact.details.outbox
        since_s = max(0, now - fact.updated_monotonic_ns) / NS_PER_SECOND
        for lane, oldest_s in outbox.oldest_seconds.items():
            if outbox.lanes[lane]:
                yield WaitingLane(name, lane, oldest_s + since_s, lane not in outbox.lanes_without_writer)
