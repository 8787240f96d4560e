"""Why a process ended unasked, as a sentence: its exit code alone does not tell whose doing it was."""

import re
import signal
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def memory_kills(groups: Path = CGROUPS, own: Path = OWN_GROUPS) -> int | None:
    """How many processes of our control group the kernel has killed for want of memory; None where it does not say."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            file = groups / path.lstrip("/") / "memory.events"
        elif controllers == "memory":
            file = groups / "memory" / path.lstrip("/") / "memory.oom_control"
        else:
            continue
        try:
            found = _KILLS.search(file.read_text())
        except OSError:
            continue
        if found is not None:
            return int(found[1])
    return None


def why_ended(exit_code: int, *, ours: bool, kills_before: int | None, kills_now: int | None) -> str:
    """Of a process that nobody asked to end. `ours`: we killed it; `kills_*` are those of `memory_kills`."""
    if exit_code >= 0:
        return f"it ended by itself with exit code {exit_code}: its last log records say why"
    if ours:
        return "it was stuck and was killed by the supervisor"
    if exit_code == -signal.SIGKILL:
        if kills_before is not None and kills_now is not None and kills_now > kills_before:
            return "the kernel killed it for want of memory: raise the memory limit, or record fewer markets"
        return "it was killed (SIGKILL): by somebody, or by the kernel for want of memory, which dmesg shows"
    name = signal.Signals(-exit_code).name if -exit_code in set(signal.Signals) else str(-exit_code)
    return f"it was ended by signal {name}"
