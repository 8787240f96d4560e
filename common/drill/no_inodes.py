"""The case of a file system that takes no more files, though bytes are free."""

import os
import shutil
from pathlib import Path

from common.drill.bench import bench
from common.drill.breaks import DISK_MIB, stalled
from common.drill.judge import finish
from common.drill.mounts import need_private_mounts, private_mount
from common.drill.outcome import Evidence, Plan

INODES = 600
NO_FILES_S = 12.0  # archives of five seconds: some have to be closed, and others begun


def inodes_used_up(plan: Plan, folder: Path) -> Evidence:
    """A file system under the data root that takes no more files for some seconds, though bytes are free."""
    need_private_mounts(folder)
    with bench(plan, folder) as made:
        outside = made.data_root
        outside.mkdir()
        made.wrapper = [*private_mount(DISK_MIB, INODES), str(outside)]
        made.data_root_of = lambda pid: Path(f"/proc/{pid}/root{outside}")
        made.start()
        made.rest(plan.duration_s / 4)
        landed = made.has_open_rows()
        fillers = made.data_root / "fillers"
        fillers.mkdir()
        files = _use_up_inodes(fillers)
        free_mib = os.statvfs(fillers).f_bavail * os.statvfs(fillers).f_frsize >> 20
        before = made.messages()
        made.rest(NO_FILES_S)
        went_on = made.messages() - before
        shutil.rmtree(fillers)
        made.done.append(
            f"{files} empty files used up the inodes for {NO_FILES_S:g} s with {free_mib} MiB free;"
            f" meanwhile {went_on} frames were received"
        )
        made.rest(plan.duration_s)
        failed = sum(count for name, count in made.restarts.items() if name.startswith("archive_writer"))
        made.done.append(f"writers ended by it and started again: {failed} times")
        stopped = made.stop()
        made.data_root_of = lambda _pid: outside.with_name(f"{outside.name}.kept")
        evidence = finish(made, counted=int(landed and failed > 0), stopped=stopped)
        return evidence.with_wrongs(stalled(went_on, plan, "no file could be made"))


def _use_up_inodes(folder: Path) -> int:
    """Make empty files until there can be no more; how many."""
    for number in range(100 * INODES):
        try:
            (folder / str(number)).touch()
        except OSError:
            return number
    return 100 * INODES
