"""The case of a process that gets no more memory: what it asks for next is refused, and it ends."""

import resource
from pathlib import Path

from common.drill.bench import START_LIMIT_S, Bench, bench
from common.drill.judge import finish
from common.drill.outcome import Evidence, Inconclusive, Plan

VICTIM = "archive_writer-0"
LIMIT_BYTES = 1 << 20  # less than it has: what it has stays, and it gets nothing more


def memory_limit(plan: Plan, folder: Path) -> Evidence:
    """Give a writer no more memory until it ends of it, and let its successor have what it wants."""
    with bench(plan, folder) as made:
        made.start()
        made.rest(plan.duration_s / 2)
        landed = made.has_open_rows()
        ends = made.restarts.get(VICTIM, 0)
        _limit(made.pid(VICTIM))
        made.wait_for(
            lambda: made.restarts.get(VICTIM, 0) > ends or made.ended(), "the writer to end", START_LIMIT_S
        )
        reason = _last_end(made)
        made.done.append(f"{VICTIM} got no more memory; its supervisor says: {reason}")
        made.pid(VICTIM)
        made.rest(plan.duration_s / 2)
        evidence = finish(made, counted=int(landed))
        return evidence.with_wrongs([] if reason else ["nobody says why it ended"])


def _limit(pid: int) -> None:
    try:
        _, hard = resource.prlimit(pid, resource.RLIMIT_AS)
        resource.prlimit(pid, resource.RLIMIT_AS, (LIMIT_BYTES, hard))
    except OSError as error:
        raise Inconclusive(f"the memory of a process cannot be limited here ({error.strerror})") from error


def _last_end(made: Bench) -> str:
    return next((each.last_end for each in made.processes if each.name == VICTIM), "")
