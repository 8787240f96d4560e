"""bin/upload-archives as a user sees it; the store is a local folder."""

import json
import subprocess
from pathlib import Path

import pytest

from common.archive.read import closed_archives
from common.config import UploadSettings
from common.errors import AlreadyRunningError
from common.uploads.lock import take_uploads
from tests.archive.recordings import UP, Recorder
from tests.end_to_end.running import run_command


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with four closed archives."""
    recorder = Recorder(tmp_path / "d")
    recorder.open(UP)
    recorder.messages(80)
    recorder.close_session()
    recorder.end()
    return tmp_path / "d"


def upload(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    given = ("--data-root", "d", "--remote", str(root.parent / "store"), *arguments)
    return run_command(
        "upload_archives", *given, folder=root.parent, environment={"RCLONE_CONFIG": "/dev/null"}
    )


def test_a_dry_run_says_what_would_be_done_and_does_nothing(root: Path) -> None:
    done = upload(root, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[:-1]] == ["upload"] * 4
    assert "4 to upload" in done.stdout
    assert not (root / "uploads").exists()
    assert not (root.parent / "store").exists()


def test_a_pass_says_what_it_did_and_one_with_an_alarm_fails(root: Path) -> None:
    first, *others = [path.relative_to(root).as_posix() for path in closed_archives(root)]
    with (root / first).open("ab") as file:
        file.write(b"x")
    done = upload(root, "--cleanup-after-verify", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["verified"], told["cleaned"], told["waiting"]) == (others, others, [first])
    assert "was altered after it was closed" in told["alarms"][0]
    again = upload(root)
    assert again.returncode == 1
    assert f"ALARM {first}: was altered" in again.stdout
    assert "0 uploaded" in again.stdout


def test_without_a_remote_it_names_the_key(root: Path) -> None:
    done = run_command("upload_archives", "--data-root", "d", folder=root.parent)
    assert done.returncode == 78
    assert "upload.remote" in done.stderr


def test_two_uploaders_on_a_data_root_are_one_too_many(root: Path) -> None:
    lock, _ = take_uploads(root, UploadSettings(remote="r:b"))
    with pytest.raises(AlreadyRunningError, match="uploading from"):
        take_uploads(root, UploadSettings(remote="r:b"))
    lock.release()
    take_uploads(root, UploadSettings(remote="r:b"))[0].release()
