import signal
from pathlib import Path

import pytest

from common.runtime.supervision.why_ended import memory_kills, why_ended


def why(exit_code: int, *, ours: bool = False, before: int | None = None, now: int | None = None) -> str:
    return why_ended(exit_code, ours=ours, kills_before=before, kills_now=now)


def test_the_kernels_killing_for_want_of_memory_is_told_from_that_of_a_person() -> None:
    assert "the kernel killed it for want of memory" in why(-signal.SIGKILL, before=2, now=3)
    assert "by somebody, or by the kernel" in why(-signal.SIGKILL, before=2, now=2)
    assert "by somebody, or by the kernel" in why(-signal.SIGKILL)
    assert "killed by the supervisor" in why(-signal.SIGKILL, ours=True, before=2, now=3)


def test_other_ends_are_named() -> None:
    assert "exit code 1" in why(1)
    assert why(-signal.SIGSEGV) == "it was ended by signal SIGSEGV"
    assert why(-63) == "it was ended by signal 63"


@pytest.mark.parametrize(
    ("own", "file"),
    [
        ("0::/a/b", "a/b/memory.events"),
        ("9:pids:/c\n4:memory:/a\n0::/", "memory/a/memory.oom_control"),
    ],
)
def test_both_versions_of_control_groups_count_such_kills(tmp_path: Path, own: str, file: str) -> None:
    (tmp_path / "own").write_text(own)
    assert memory_kills(tmp_path, tmp_path / "own") is None
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("low 0\noom 4\noom_kill 3\n")
    assert memory_kills(tmp_path, tmp_path / "own") == 3
    assert memory_kills(tmp_path, tmp_path / "gone") is None
