"""The case of a machine that gives no more processes: a control group whose limit is reached."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common.drill.bench import START_LIMIT_S, bench
from common.drill.judge import finish
from common.drill.outcome import Evidence, Inconclusive, Plan

CGROUPS = Path("/sys/fs/cgroup")
REFUSED_S = 4.0
_ENTER = 'echo $$ > "$0/cgroup.procs" || exit 99; exec "$@"'


def pids_limit(plan: Plan, folder: Path) -> Evidence:
    """Kill a writer where no process can be started in its place, and lift the limit after some seconds."""
    with _group(f"orderbooks-drill-{os.getpid()}") as group, bench(plan, folder) as made:
        made.wrapper = _entering(group)
        made.start()
        made.rest(plan.duration_s / 2)
        _limit(group, 1)
        landed = made.kill("archive_writer-0")
        made.wait_for(
            lambda: made.ended() or "process_not_started" in made.problems("supervisor"),
            "a start to be refused",
            START_LIMIT_S,
        )
        before = made.messages()
        made.rest(REFUSED_S)
        went_on = made.messages() - before
        _limit(group, None)
        made.done.append(
            f"kill -9 of archive_writer-0 while the machine gave no process; {went_on} frames were received"
            f" in {REFUSED_S:g} s of that"
        )
        made.pid("archive_writer-0")
        made.rest(plan.duration_s / 2)
        stalled = [] if went_on >= plan.rate * REFUSED_S / 4 else [f"only {went_on} frames were received"]
        return finish(made, counted=int(landed)).with_wrongs(stalled)


def _limit(group: Path, most: int | None) -> None:
    """At most so many processes and threads; those that run stay. None: no limit."""
    (group / "pids.max").write_text("max" if most is None else str(most))


@contextmanager
def _group(name: str) -> Iterator[Path]:
    """A control group of its own that counts processes. Raises Inconclusive where the machine gives none."""
    for parent in parents(CGROUPS, Path("/proc/self/cgroup").read_text()):
        group = parent / name
        with suppress(OSError):
            group.mkdir()
        if (group / "pids.max").exists() and _can_enter(group):
            break
        with suppress(OSError):
            group.rmdir()
    else:
        raise Inconclusive("no control group with a limit of processes can be made here")
    try:
        yield group
    finally:
        with suppress(OSError):  # something in it still ends
            group.rmdir()


def parents(base: Path, own: str) -> Iterator[Path]:
    """Where a group can be: that of the first version of control groups, and our own of the second one.

    `own` is what `/proc/self/cgroup` states: `<hierarchy>:<controllers>:<path>` a line.
    """
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "pids":
            yield base / "pids" / path.lstrip("/")
        elif not controllers:
            yield base / path.lstrip("/")


def _can_enter(group: Path) -> bool:
    command = _entering(group)
    return subprocess.run([*command, "true"], check=False, capture_output=True, timeout=60).returncode == 0


def _entering(group: Path) -> list[str]:
    return ["sh", "-c", _ENTER, str(group)]
