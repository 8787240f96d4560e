"""What somebody removes or damages in the run's folder is there again."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from common.config import Settings
from common.errors import AlreadyRunningError, RecorderError
from common.locks import RECORDER_LOCK, FileLock
from common.runtime.command_line.asking import FoundRecorder, ask
from common.runtime.data_root_lock import Holder, holder_of, lock_data_root, note_holder
from common.runtime.problems import Problems
from common.runtime.process import Assignment, read_assignment
from common.runtime.run.control import Rotate
from common.runtime.run.details import NOTHING
from common.runtime.run.facts import Facts, Tally, write_facts
from common.runtime.run.orders import Orders, read_orders
from common.runtime.run.run_dir import RunDir
from common.runtime.run.run_watch import RunWatch
from common.runtime.supervision.run_files import LOOK_NS, RunFiles


class Laid:
    """A run's folder with what the supervisor lays down in it."""

    def __init__(self, folder: Path) -> None:
        self.run_dir = RunDir(str(folder / "r"), folder / "d")
        self.path = self.run_dir.path
        self.tally, self.problems = Tally(None), Problems()
        assignment = Assignment("r1", "runtime", 1, str(folder / "d"), str(self.path), Settings())
        orders = Orders(writers=2, readers=1)
        self.files = RunFiles(self.run_dir, assignment, orders, self.problems, self.tally)
        self.now_ns = 0

    def look(self) -> int:
        """How often something was restored so far."""
        self.now_ns += LOOK_NS
        self.files.attend(self.now_ns)
        return self.tally.counters["run_folder_restorations_total"]

    def close(self) -> None:
        self.files.control.close()
        self.run_dir.release()


@pytest.fixture
def laid() -> Iterator[Laid]:
    with tempfile.TemporaryDirectory(prefix="ob-") as name:
        laid = Laid(Path(name))
        yield laid
        laid.close()


def test_nothing_is_done_where_all_is_there_and_new_orders_are_no_restoration(laid: Laid) -> None:
    assert laid.look() == 0
    laid.files.give(Orders(writers=3, readers=1))
    assert laid.look() == 0
    assert read_orders(laid.path) == Orders(writers=3, readers=1)


def test_a_folder_that_was_removed_is_made_again_and_answers_again(laid: Laid) -> None:
    shutil.rmtree(laid.path)
    assert laid.look() == 1
    assert read_assignment(laid.path / "assignment.json").run_id == "r1"
    assert read_orders(laid.path) == Orders(writers=2, readers=1)
    assert (laid.path.stat().st_mode & 0o777, (laid.path / "facts").is_dir()) == (0o700, True)
    with pytest.raises(AlreadyRunningError):
        FileLock(laid.path / "lock", "the run's folder")
    write_facts(laid.path, Facts("supervisor", os.getpid(), 2**62, 1, {}, {}, NOTHING))
    with pytest.raises(RecorderError, match="did not answer"):  # the socket is there, nobody answers in time
        ask(FoundRecorder(laid.path, laid.path, psutil.Process()), Rotate(), timeout_s=0.05)


@pytest.mark.parametrize("name", ["assignment.json", "orders.json"])
@pytest.mark.parametrize("damage", [b"", b"\0" * 300, None])
def test_a_file_that_was_damaged_is_written_again(laid: Laid, name: str, damage: bytes | None) -> None:
    (laid.path / name).unlink()
    if damage is not None:
        (laid.path / name).write_bytes(damage)
    assert laid.look() == 1
    assert json.loads((laid.path / name).read_bytes())
    assert laid.look() == 1


def test_a_folder_that_cannot_be_made_is_a_problem_until_it_can(laid: Laid) -> None:
    shutil.rmtree(laid.path)
    laid.path.write_text("in the way")
    assert laid.look() == 0
    [problem] = laid.problems.held
    assert (problem.kind, str(laid.path) in problem.reason) == ("run_folder_full", True)
    laid.path.unlink()
    assert laid.look() == 1
    assert laid.problems.held == ()


def test_a_run_is_over_when_another_one_begins_and_not_when_its_files_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "assignment.json"
    path.write_text('{"run_id": "r1"}')
    watch = RunWatch(path, "r1", supervisor=os.getppid())
    assert not watch.superseded()
    path.write_bytes(b"\0" * 20)
    assert not watch.superseded()
    path.unlink()
    assert not watch.superseded()
    assert RunWatch(path, "r1", supervisor=1 << 22).superseded(), "nobody makes it again"
    path.write_text('{"run_id": "r1"}')
    assert not watch.superseded()
    path.unlink()
    path.write_text('{"run_id": "r2"}')
    assert watch.superseded()


def test_the_lock_of_a_data_root_says_who_holds_it(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    lock = lock_data_root(tmp_path)
    assert holder_of(tmp_path) is None, "an older version wrote nothing in it"
    note_holder(lock, Holder(7, "/run/somewhere"))
    assert holder_of(tmp_path) == Holder(7, "/run/somewhere")
    with pytest.raises(
        AlreadyRunningError, match=r"is in use by another process .*: process id 7, run folder /run/s"
    ):
        lock_data_root(tmp_path)
    note_holder(lock, Holder(7, "/run/somewhere", "0.2.0", "2026-11-23T07:55:00Z"))
    with pytest.raises(
        AlreadyRunningError, match=r"process id 7, since 2026-11-23T07:55:00Z, version 0\.2\.0"
    ):
        lock_data_root(tmp_path)
    lock.release()
    assert holder_of(tmp_path) is None
    mending = FileLock(tmp_path / RECORDER_LOCK, "here")
    assert holder_of(tmp_path) is None, "what holds it now is not the recorder that ended"
    mending.release()
