"""How commands find the recorder of a data root."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from common.config import PathSettings
from common.errors import RecorderError
from common.runtime.clock import CLOCK
from common.runtime.command_line.asking import ask, find_recorder
from common.runtime.data_root_lock import Holder, lock_data_root, note_holder
from common.runtime.run.control import Rotate
from common.runtime.run.details import NOTHING
from common.runtime.run.facts import Facts, write_facts
from procs.commands import tail_queue


def paths(folder: Path) -> PathSettings:
    """Settings that name a run's folder in which nothing runs."""
    return PathSettings(data_root=str(folder / "d"), run_dir=str(folder / "configured"))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """The folder of a recorder, this process, that was started with another `paths.run_dir`."""
    run_dir = tmp_path / "elsewhere"
    (run_dir / "facts").mkdir(parents=True)
    lock = lock_data_root(tmp_path / "d")
    note_holder(lock, Holder(os.getpid(), str(run_dir), "0.2.0"))
    write_facts(
        run_dir, Facts("supervisor", os.getpid(), CLOCK.wall_ns(), CLOCK.monotonic_ns(), {}, {}, NOTHING)
    )
    yield run_dir
    lock.release()


def test_a_recorder_of_another_run_folder_is_found_by_the_lock_of_its_data_root(
    tmp_path: Path, elsewhere: Path
) -> None:
    found = find_recorder(paths(tmp_path))
    assert (found.run_dir, found.process) == (elsewhere, psutil.Process())


def test_a_tail_finds_it_too(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert elsewhere.exists()
    monkeypatch.setenv("RECORDER__PATHS__RUN_DIR", str(tmp_path / "configured"))
    assert tail_queue.main(["--data-root", str(tmp_path / "d"), "--seconds", "0.1"]) == 0
    assert capfd.readouterr().err == ""


def test_a_holder_that_does_not_answer_is_named(tmp_path: Path, elsewhere: Path) -> None:
    (elsewhere / "facts/supervisor.json").unlink()
    found = find_recorder(paths(tmp_path))
    with pytest.raises(RecorderError, match=rf"is held by .*process id {os.getpid()}, .*{elsewhere}"):
        ask(found, Rotate(), timeout_s=1)


def test_where_nobody_holds_the_data_root_none_runs(tmp_path: Path) -> None:
    found = find_recorder(paths(tmp_path))
    assert (found.run_dir, found.process) == (tmp_path / "configured", None)
    assert f"no recorder runs on data root {tmp_path / 'd'}" in str(found.refusal())
