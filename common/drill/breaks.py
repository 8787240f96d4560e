"""Cases that break what is around the recorder: spool, disk, network, clock, power, and a second recorder."""

import contextlib
import errno
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

from common.drill.bench import CHECKOUT, START_LIMIT_S, Bench, bench
from common.drill.judge import finish
from common.drill.mounts import need_private_mounts, private_mount
from common.drill.outcome import Evidence, Inconclusive, Plan
from common.drill.watched_syncs import watched_syncs
from common.errors import EXIT_FAILED
from common.files import replace
from common.queue.room import RESERVE_BYTES

SPOOL_MIB = 40
FRAME_BYTES = 500  # of most frames
LONGEST_PAUSE_S = 30.0  # half of what a writer's heartbeat may be missing
FULL_S = 4.0
STALL_S = 10.0
SLOW_SYNC_S = 3.0
YEARS_S = 10 * 365 * 86_400
CLOCK_STEPS_S = (7200, -7200, -90_000, 90_000, YEARS_S, -2 * YEARS_S, YEARS_S)


def spool_full(plan: Plan, folder: Path) -> Evidence:
    """Too little memory for the spool, and writers that stand still until it is full.

    A stranger's file leaves so little that a quarter of the pause fills it, whatever the rate: a pause that is longer
    than a heartbeat may be missing would have the writers killed.
    """
    need_private_mounts(folder)
    with bench(plan, folder) as made:
        inside = made.run_dir
        made.wrapper = [*private_mount(SPOOL_MIB), str(inside)]
        made.run_dir_of = lambda pid: Path(f"/proc/{pid}/root{inside}")
        made.start()
        paused_s = min(plan.duration_s, LONGEST_PAUSE_S)
        left = RESERVE_BYTES + int(plan.rate * FRAME_BYTES * paused_s / 4)
        filler = made.run_dir / "filler"
        with made.paused("archive_writer-0", "archive_writer-1"):
            filled = _leave(filler, left)
            before = made.messages()
            made.rest(paused_s)
            went_on = made.messages() - before
        filler.unlink()
        made.done.append(
            f"a spool of {SPOOL_MIB} MiB, {filled >> 20} of them taken by a stranger, and writers stopped for"
            f" {paused_s:g} s while {went_on} frames were received"
        )
        made.wait_for(
            lambda: made.counter("gaps_total") or made.ended(), "the gap to be declared", START_LIMIT_S
        )
        made.rest(2.0)
        died = [name for name, count in made.restarts.items() if count]
        evidence = finish(made, counted=1, declared=True)
        wrongs = [f"{name} died of it" for name in died] + stalled(went_on, plan, "the writers stood still")
        return evidence.with_wrongs(wrongs)


def _leave(path: Path, left: int) -> int:
    """Fill the file system of `path` but for so many bytes; how many that took."""
    system = os.statvfs(path.parent)
    return fill(path, max(0, system.f_bavail * system.f_frsize - left))


def fill(path: Path, most: int = 1 << 40) -> int:
    """Write a file until its file system is full, or it has so many bytes; how many it has."""
    block = bytes(1 << 16)
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.tell() < most:
            if file.write(block) < len(block):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return path.stat().st_size


def slow_disk(plan: Plan, folder: Path) -> Evidence:
    """Every fdatasync of the writers takes seconds, for a while."""
    syncs = watched_syncs(folder)
    with bench(plan, folder) as made:
        made.environment = syncs.environment
        made.start()
        made.rest(plan.duration_s / 4)
        landed = made.has_open_rows()
        syncs.slow_down(SLOW_SYNC_S)
        before = made.messages()
        made.rest(STALL_S)
        went_on = made.messages() - before
        syncs.slow_down(0)
        made.done.append(
            f"each fdatasync took {SLOW_SYNC_S:g} s for {STALL_S:g} s; meanwhile {went_on} frames were received"
        )
        made.rest(plan.duration_s)
        return finish(made, counted=int(landed)).with_wrongs(stalled(went_on, plan, "the disk was slow"))


def stalled(went_on: int, plan: Plan, when: str) -> list[str]:
    """What is wrong if the reader stood still meanwhile."""
    enough = plan.rate * FULL_S / 4
    return [] if went_on >= enough else [f"the reader received only {went_on} frames while {when}"]


def cut_connections(plan: Plan, folder: Path) -> Evidence:
    """Cut the connection in the middle of a frame, again and again."""
    with bench(plan, folder) as made:
        made.start()
        deadline = time.monotonic() + plan.duration_s
        cuts = 0
        while time.monotonic() < deadline:
            made.rest(made.chance.uniform(0.1, 1.0))
            made.exchange.fault("cut", mid_frame=True, reset=made.chance.random() < 0.3)
            cuts += 1
            made.wait_for(lambda: made.counter("reconnects_total") >= cuts, "a reconnect", START_LIMIT_S)  # noqa: B023 - called at once
            made.wait_for(made.receiving, "the reader to receive again", START_LIMIT_S)
        made.done.append(f"the connection was cut in the middle of a frame, {cuts} times")
        return finish(made, counted=int(made.has_open_rows()))


def hostile_frames(plan: Plan, folder: Path) -> Evidence:
    """Frames that are not JSON, not UTF-8, or very large, among the others."""
    with bench(plan, folder) as made:
        made.start()
        deadline = time.monotonic() + plan.duration_s
        sent = 0
        while time.monotonic() < deadline:
            made.rest(made.chance.uniform(0.1, 0.5))
            made.wait_for(made.receiving, "a connection to send garbage on", START_LIMIT_S)
            for kind in ("text", "utf8"):
                made.exchange.fault("garbage", kind=kind)
            made.exchange.fault("huge", bytes=made.chance.randrange(1, 4_000_000))
            made.exchange.fault("raw", payload="", opcode=1)
            made.exchange.fault("raw", payload="W1tbW1tbW1tbW1tbW1tbWw==", opcode=2)
            sent += 5
        made.done.append(f"{sent} frames of garbage, up to 4 MB each")
        died = [name for name, count in made.restarts.items() if count]
        return finish(made, counted=sent).with_wrongs([f"{name} died of it" for name in died])


def clock_steps(plan: Plan, folder: Path) -> Evidence:
    """The wall clock of all processes jumps hours and years forth and back; monotonic time does not."""
    spec = importlib.util.find_spec("libfaketime")
    places = spec.submodule_search_locations if spec is not None else None
    if not places:
        raise Inconclusive("needs libfaketime: .venv/bin/python -m pip install libfaketime")
    library = Path(places[0]) / "vendor/libfaketime/src/libfaketime.so.1"
    offset = folder / "clock"
    offset.write_text("+0")
    with bench(plan, folder) as made:
        made.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        made.start()
        now_s = landed = 0
        for step_s in CLOCK_STEPS_S:
            made.rest(max(plan.duration_s / len(CLOCK_STEPS_S), 2.5))
            now_s += step_s
            replace(offset, f"{now_s:+d}".encode())
            landed += made.has_open_rows()
        made.rest(2.0)
        connections = made.counter("reconnects_total")
        made.done.append(f"the wall clock stepped by {', '.join(f'{step:+,} s' for step in CLOCK_STEPS_S)}")
        evidence = finish(made, counted=landed)
        wrongs = (
            [f"{connections} reconnects: a timer took the step for time that passed"] if connections else []
        )
        return evidence.with_wrongs(wrongs)


def second_recorder(plan: Plan, folder: Path) -> Evidence:
    """Start another recorder on the same data root."""
    with bench(plan, folder) as made:
        made.start()
        made.rest(plan.duration_s / 4)
        wrongs = _start_another(made)
        made.done.append("a second recorder was started on the same data root")
        made.rest(plan.duration_s / 4)
        return finish(made, counted=1).with_wrongs(wrongs)


def _start_another(made: Bench) -> list[str]:
    command = [sys.executable, "-P", "-m", "procs.commands.run_recorder", "--data-root", str(made.data_root)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    ended = subprocess.run(
        command, cwd=made.folder, env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    if ended.returncode == EXIT_FAILED and "in use by another process" in ended.stderr:
        return []
    return [f"the second recorder ended with {ended.returncode} and said: {ended.stderr.strip()[:200]}"]
