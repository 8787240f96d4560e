"""The cases of a file system under the data root that takes nothing more for a while: no bytes, or no files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from common.drill.bench import bench
from common.drill.breaks import FULL_S, fill, stalled
from common.drill.judge import finish
from common.drill.mounts import need_private_mounts, private_mount
from common.drill.outcome import Evidence, Plan

DISK_MIB = 64
INODES = 600
NO_FILES_S = 12.0  # archives of five seconds: some have to be closed, and others begun


def disk_full(plan: Plan, folder: Path) -> Evidence:
    """A small file system of its own under the data root, filled for some seconds."""
    return _taken_up(plan, folder, private_mount(DISK_MIB), _use_up_bytes, FULL_S, "the disk was full")


def inodes_used_up(plan: Plan, folder: Path) -> Evidence:
    """A file system under the data root that takes no more files for some seconds, though bytes are free."""
    mount = private_mount(DISK_MIB, INODES)
    return _taken_up(plan, folder, mount, _use_up_inodes, NO_FILES_S, "no file could be made")


def _taken_up(
    plan: Plan, folder: Path, mount: list[str], use_up: Callable[[Path], str], for_s: float, when: str
) -> Evidence:
    """`use_up` takes all that is left into a folder, and gives a sentence about it."""
    need_private_mounts(folder)
    with bench(plan, folder) as made:
        outside = made.data_root
        outside.mkdir()
        made.wrapper = [*mount, str(outside)]
        made.data_root_of = lambda pid: Path(f"/proc/{pid}/root{outside}")
        made.start()
        made.rest(plan.duration_s / 4)
        landed = made.has_open_rows()
        fillers = made.data_root / "fillers"
        fillers.mkdir()
        words = use_up(fillers)
        before = made.messages()
        made.rest(for_s)
        went_on = made.messages() - before
        shutil.rmtree(fillers)
        made.done.append(f"{words}; meanwhile {went_on} frames were received")
        made.rest(plan.duration_s)
        failed = sum(count for name, count in made.restarts.items() if name.startswith("archive_writer"))
        made.done.append(f"writers ended by it and started again: {failed} times")
        stopped = made.stop()
        made.data_root_of = lambda _pid: outside.with_name(f"{outside.name}.kept")
        evidence = finish(made, counted=int(landed and failed > 0), stopped=stopped)
        return evidence.with_wrongs(stalled(went_on, plan, when))


def _use_up_bytes(folder: Path) -> str:
    filled = fill(folder / "filler")
    return f"the disk was full ({filled >> 20} of {DISK_MIB} MiB by a stranger) for {FULL_S:g} s"


def _use_up_inodes(folder: Path) -> str:
    files = _make_files(folder)
    free_mib = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize >> 20
    return f"{files} empty files used up the inodes for {NO_FILES_S:g} s with {free_mib} MiB free"


def _make_files(folder: Path) -> int:
    """Make empty files until there can be no more; how many."""
    for number in range(100 * INODES):
        try:
            (folder / str(number)).touch()
        except OSError:
            return number
    return 100 * INODES
