"""Cases that kill or pause processes under load."""

import time
from collections.abc import Callable
from pathlib import Path

from common.drill.bench import START_LIMIT_S, bench
from common.drill.judge import finish
from common.drill.outcome import Evidence, Plan
from common.drill.watched_syncs import watched_syncs

PAUSE_S = 4.0
COMMIT_SYNC_S = 0.2  # three of them or more make a commit: longer than the pause between two


def kill_again_and_again(name: str) -> Callable[[Plan, Path], Evidence]:
    """Kill one process of the run whenever it is back."""

    def run(plan: Plan, folder: Path) -> Evidence:
        with bench(plan, folder) as made:
            made.start()
            deadline = time.monotonic() + plan.duration_s
            kills = counted = 0
            while time.monotonic() < deadline:
                made.rest(made.chance.uniform(0.2, 1.5))
                counted += made.kill(name)
                kills += 1
            made.done.append(f"kill -9 of {name}, {kills} times, {counted} of them between write and close")
            made.pid(name)
            return finish(made, counted=counted)

    return run


def kill_in_commits(name: str) -> Callable[[Plan, Path], Evidence]:
    """Kill a writer again and again on a disk so slow that it is mostly in the middle of a commit.

    What acknowledges before it is durable, or commits before the data is there, loses here what it had taken.
    """

    def run(plan: Plan, folder: Path) -> Evidence:
        syncs = watched_syncs(folder)
        with bench(plan, folder) as made:
            made.environment = syncs.environment
            made.start()
            syncs.slow_down(COMMIT_SYNC_S)
            deadline = time.monotonic() + plan.duration_s
            kills = counted = 0
            while time.monotonic() < deadline:
                made.rest(made.chance.uniform(0.5, 2.0))
                counted += made.kill(name)
                kills += 1
            syncs.slow_down(0)
            made.done.append(
                f"kill -9 of {name}, {kills} times, {counted} of them between write and close,"
                f" while each fdatasync took {COMMIT_SYNC_S:g} s"
            )
            made.pid(name)
            return finish(made, counted=counted)

    return run


def kill_reader(plan: Plan, folder: Path) -> Evidence:
    """Kill the reader; what it said that it had received before must be there."""
    with bench(plan, folder) as made:
        made.start()
        deadline = time.monotonic() + plan.duration_s
        kills = counted = 0
        known = 0
        while time.monotonic() < deadline:
            made.wait_for(made.receiving, "the reader to receive again", START_LIMIT_S)
            made.rest(made.chance.uniform(0.2, 1.5))
            known = max(known, made.messages())
            counted += made.kill("ws_reader-0")
            kills += 1
        made.wait_for(made.receiving, "the reader to receive again", START_LIMIT_S)
        made.done.append(f"kill -9 of ws_reader-0, {kills} times, {counted} of them between write and close")
        evidence = finish(made, counted=counted)
        if evidence.counts.archived >= known:
            return evidence
        return evidence.with_wrongs(
            [f"the reader said {known} frames, {evidence.counts.archived} are in archives"]
        )


def kill_and_stop(name: str, kills: int) -> Callable[[Plan, Path], Evidence]:
    """Kill a process until its restart takes a while, and ask the recorder to stop meanwhile."""

    def run(plan: Plan, folder: Path) -> Evidence:
        with bench(plan, folder) as made:
            made.start()
            made.rest(made.chance.uniform(0.5, 1.5))
            counted = sum(made.kill(name) for _ in range(kills))
            made.done.append(f"kill -9 of {name}, {kills} times, and no wait for its restart")
            return finish(made, counted=counted)

    return run


def kill_supervisor(plan: Plan, folder: Path) -> Evidence:
    """Kill the supervisor and start a recorder on the same data root, at once or after a while."""
    with bench(plan, folder) as made:
        made.start()
        deadline = time.monotonic() + plan.duration_s
        kills = counted = 0
        while time.monotonic() < deadline:
            made.rest(made.chance.uniform(0.5, 2.0))
            counted += made.kill("supervisor")
            kills += 1
            pause_s = made.chance.choice((0.0, 1.0))
            made.rest(pause_s)
            made.start()
        made.done.append(
            f"kill -9 of the supervisor, {kills} times, {counted} of them between write and close;"
            " each time another recorder was started on the same data root"
        )
        return finish(made, counted=counted)


def kill_everything(plan: Plan, folder: Path) -> Evidence:
    """Kill every process of the recorder at once, and start it again."""
    with bench(plan, folder) as made:
        made.start()
        deadline = time.monotonic() + plan.duration_s
        kills = counted = 0
        while time.monotonic() < deadline:
            made.rest(made.chance.uniform(0.5, 2.0))
            counted += made.kill_all()
            kills += 1
            made.start()
        made.done.append(
            f"kill -9 of all processes at the same moment, {kills} times, {counted} between write and close"
        )
        return finish(made, counted=counted)


def pause(name: str) -> Callable[[Plan, Path], Evidence]:
    """SIGSTOP for some seconds, then SIGCONT."""

    def run(plan: Plan, folder: Path) -> Evidence:
        with bench(plan, folder) as made:
            made.start()
            landed = made.has_open_rows()
            before = made.messages()
            with made.paused(name):
                made.rest(PAUSE_S)
                went_on = made.messages() - before
            made.done.append(f"SIGSTOP of {name} for {PAUSE_S:g} s; meanwhile {went_on} frames were received")
            made.rest(max(plan.duration_s - PAUSE_S, 1.0))
            wrongs = []
            if went_on < plan.rate * PAUSE_S / 4:
                wrongs.append(f"the reader received only {went_on} frames while {name} stood still")
            return finish(made, counted=int(landed)).with_wrongs(wrongs)

    return run


def stop_under_load(plan: Plan, folder: Path) -> Evidence:
    """SIGTERM while frames arrive."""
    with bench(plan, folder) as made:
        made.start()
        made.rest(plan.duration_s)
        return finish(made, counted=int(made.has_open_rows()))
