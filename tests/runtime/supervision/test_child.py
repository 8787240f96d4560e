import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.runtime.run.details import NOTHING
from common.runtime.run.facts import Facts, write_facts
from common.runtime.supervision.child import FIRST_HEARTBEAT_NS, Child
from common.topology import Instance, ProcessKind
from tests.waiting import wait_for

SECOND = 1_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "facts").mkdir()
    return tmp_path


def child_that(life: str, folder: Path) -> Child:
    kind = ProcessKind(
        name=life,
        module="tests.runtime.lives",
        instances="writers",
        start_rank=1,
        stop_rank=1,
        in_sample=True,
        heartbeat_limit_s=1,
        role="",
    )
    return Child(Instance(kind, 0), folder)


@pytest.fixture
def stubborn(folder: Path) -> Iterator[Child]:
    child = child_that("stubborn", folder)
    child.start_if_due(folder / "assignment", 0)
    yield child
    if child.pid is not None:
        os.kill(child.pid, signal.SIGKILL)
    wait_for(lambda: child.ended(0) is not None or not child.runs, what="its end")


def ends(child: Child, now_ns: int) -> int:
    found: list[int] = []

    def ended() -> bool:
        code = child.ended(now_ns)
        if code is not None:
            found.append(code)
        return bool(found)

    wait_for(ended, what="the end of the process")
    return found[0]


def test_it_shows_why_it_ended_unasked(stubborn: Child) -> None:
    assert stubborn.shown(0).last_end == ""
    assert stubborn.pid is not None
    os.kill(stubborn.pid, signal.SIGUSR1)
    assert ends(stubborn, SECOND) == -signal.SIGUSR1
    assert stubborn.shown(SECOND).last_end == "it was ended by signal SIGUSR1"


def wait_until_it_ignores_sigterm(child: Child) -> None:
    handler = Path(f"/proc/{child.pid}/status")
    wait_for(
        lambda: int(handler.read_text().split("SigIgn:")[1].split()[0], 16) >> (signal.SIGTERM - 1) & 1,
        what="it to ignore SIGTERM",
    )


def test_a_process_that_dies_again_and_again_is_started_ever_later_and_counts_as_flapping(
    folder: Path,
) -> None:
    child = child_that("dies", folder)
    now = 0
    for _ in range(5):
        assert not child.is_flapping(now)
        child.start_if_due(folder / "assignment", now)
        assert ends(child, now) == 3
        child.start_if_due(folder / "assignment", now)
        assert child.pid is None, "its wait is not over yet"
        now += 40 * SECOND
    assert child.is_flapping(now)
    assert child.policy.restarts == 5
    child.start_if_due(folder / "assignment", now)
    assert child.pid is not None, "it is never given up"
    ends(child, now)


def test_a_process_without_heartbeat_is_killed(stubborn: Child, folder: Path) -> None:
    pid = stubborn.pid
    assert pid is not None
    assert not stubborn.kill_if_stuck(SECOND, FIRST_HEARTBEAT_NS)
    write_facts(folder, Facts("stubborn-0", pid, 0, 10 * SECOND, {}, {}, NOTHING))
    assert not stubborn.kill_if_stuck(SECOND, 11 * SECOND)
    os.kill(pid, signal.SIGSTOP)
    assert stubborn.kill_if_stuck(SECOND, 12 * SECOND)
    assert ends(stubborn, 12 * SECOND) == -signal.SIGKILL


def test_a_process_is_not_blamed_for_the_time_in_which_its_supervisor_stood_still(
    stubborn: Child, folder: Path
) -> None:
    assert stubborn.pid is not None
    write_facts(folder, Facts("stubborn-0", stubborn.pid, 0, 10 * SECOND, {}, {}, NOTHING))
    stubborn.forgive(40 * SECOND, 50 * SECOND)
    assert not stubborn.kill_if_stuck(SECOND, 51 * SECOND)
    wait_until_it_ignores_sigterm(stubborn)
    stubborn.stop(5, 51 * SECOND)
    stubborn.forgive(40 * SECOND, 95 * SECOND)
    stubborn.kill_if_overdue(96 * SECOND)
    assert stubborn.ended(96 * SECOND) is None
    stubborn.kill_if_overdue(97 * SECOND)
    assert ends(stubborn, 97 * SECOND) == -signal.SIGKILL


def test_a_process_that_stays_silent_after_that_is_stuck(stubborn: Child) -> None:
    stubborn.forgive(40 * SECOND, 50 * SECOND)
    assert not stubborn.kill_if_stuck(SECOND, 50 * SECOND + FIRST_HEARTBEAT_NS)
    assert stubborn.kill_if_stuck(SECOND, 51 * SECOND + FIRST_HEARTBEAT_NS)
    ends(stubborn, 0)


def test_a_heartbeat_of_an_earlier_life_does_not_condemn_the_present_one(
    stubborn: Child, folder: Path
) -> None:
    write_facts(folder, Facts("stubborn-0", 1, 0, 0, {}, {}, NOTHING))
    assert not stubborn.kill_if_stuck(SECOND, 60 * SECOND)
    assert stubborn.kill_if_stuck(SECOND, FIRST_HEARTBEAT_NS + 2 * SECOND)
    ends(stubborn, 0)


def test_a_process_that_does_not_heed_the_call_to_stop_is_killed_when_its_time_is_over(
    stubborn: Child,
) -> None:
    wait_until_it_ignores_sigterm(stubborn)
    stubborn.stop(5, 0)
    stubborn.kill_if_overdue(4 * SECOND)
    assert stubborn.ended(4 * SECOND) is None
    stubborn.hurry(1, 4 * SECOND)
    stubborn.kill_if_overdue(6 * SECOND)
    assert ends(stubborn, 6 * SECOND) == -signal.SIGKILL
    assert stubborn.policy.restarts == 0


def test_a_process_that_beats_lives_although_its_facts_cannot_be_written(folder: Path) -> None:
    child = child_that("beats", folder)
    child.start_if_due(folder / "assignment", 0)
    wait_for((folder / "assignment").exists, what="its beats, some thousand at once")
    assert child.pid is not None
    write_facts(folder, Facts("beats-0", child.pid, 0, 0, {}, {}, NOTHING))  # and none after these
    assert not child.kill_if_stuck(SECOND, 200 * SECOND)
    for _ in range(20):
        assert not child.kill_if_stuck(SECOND, 300 * SECOND)
    assert child.kill_if_stuck(SECOND, 302 * SECOND), "it beats no more"
    ends(child, 302 * SECOND)


def told_to_stop(life: str, folder: Path) -> Child:
    """A child that SIGTERM has ended."""
    child = child_that(life, folder)
    child.start_if_due(folder / "assignment", 0)
    if life == "begun":
        wait_for((folder / "assignment").exists, what="its beat")
    child.stop(3, SECOND)
    assert ends(child, SECOND) == -signal.SIGTERM
    return child


def test_what_was_still_starting_when_told_to_stop_is_not_started_once_more_to_drain(folder: Path) -> None:
    child = told_to_stop("starts", folder)
    assert not child.may_hold_rows
    assert not child.busy(2 * SECOND)


@pytest.mark.parametrize("life", ["starts", "begun"])
def test_what_may_hold_rows_drains_once_more(life: str, folder: Path) -> None:
    if life == "starts":
        (folder / "producers/starts-0").mkdir(parents=True)  # left by an earlier run
    child = told_to_stop(life, folder)
    assert child.may_hold_rows
    assert child.busy(2 * SECOND)


def test_a_process_gives_large_blocks_back_unless_its_user_set_that_otherwise(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "7")
    child = child_that("stubborn", folder)
    child.start_if_due(folder / "assignment", 0)
    wait_until_it_ignores_sigterm(child)
    assert child.pid is not None
    environment = Path(f"/proc/{child.pid}/environ").read_bytes().split(b"\0")
    os.kill(child.pid, signal.SIGKILL)
    ends(child, 0)
    assert b"MALLOC_MMAP_THRESHOLD_=1048576" in environment
    assert b"MALLOC_TRIM_THRESHOLD_=7" in environment
