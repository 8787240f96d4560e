"""bin/restore-archives as a user sees it; the store is a local folder."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.archive.recordings import UP, Recorder, verified
from tests.end_to_end.running import run_command
from tests.remote.stores import PLAIN, Store, Uploading
from tests.remote.test_uploads import flip, names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root whose archives are all at the store."""
    recorder = Recorder(tmp_path / "d")
    recorder.open(UP)
    recorder.messages(80)
    recorder.close_session()
    recorder.end()
    assert Uploading(tmp_path / "d", Store(str(tmp_path / "store"), tmp_path / "store", PLAIN)).run() == ""
    return tmp_path / "d"


def restored(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    folder = root.parent
    (folder / "tmp").mkdir(exist_ok=True)
    environment = {"RCLONE_CONFIG": "/dev/null", "TMPDIR": str(folder / "tmp")}
    given = ("--data-root", "d", "--remote", str(folder / "store"), *arguments)
    return run_command("restore_archives", *given, folder=folder, environment=environment)


def test_a_drill_says_in_one_line_that_the_newest_hour_is_sound_and_leaves_nothing(root: Path) -> None:
    done = restored(root)
    assert done.returncode == 0, done.stderr + done.stdout
    [line] = done.stdout.splitlines()
    assert line.startswith("RESTORE_OK dt=2026-")
    assert "0 findings" in line
    assert "as upload records here state" in line
    assert list((root.parent / "tmp").iterdir()) == []


def test_a_drill_finds_what_the_store_spoiled(root: Path) -> None:
    path = names(root)[-1]
    flip(root.parent / "store" / path)
    hour = path.partition("/dt=")[2]
    done = restored(root, "--json", "--hour", f"{hour[:10]}T{hour.partition('hour=')[2][:2]}:30:00Z")
    drill = json.loads(done.stdout)
    assert (done.returncode, drill["ok"]) == (1, False)
    assert drill["restored"]["unlike_records"] == [path]
    assert any(path in words for words in drill["findings"])


def test_everything_goes_to_an_empty_folder_and_is_a_data_root_again(root: Path) -> None:
    refused = restored(root, "--all")
    assert refused.returncode == 2
    done = restored(root, "--all", "--output", "again")
    assert done.returncode == 0, done.stderr + done.stdout
    assert names(root.parent / "again") == names(root)
    assert verified(root.parent / "again").findings == ()
    twice = restored(root, "--all", "--output", "again")
    assert (twice.returncode, "is not empty" in twice.stderr) == (1, True)


def test_a_remote_without_archives_is_said_and_is_no_success(root: Path) -> None:
    done = restored(root, "--hour", "2001-01-01T00:00:00Z")
    assert done.returncode == 1
    assert "holds no archive of dt=2001-01-01/hour=00" in done.stderr
    (root.parent / "empty").mkdir()
    done = restored(root, "--remote", str(root.parent / "empty"))
    assert (done.returncode, "holds no archives" in done.stderr) == (1, True)
