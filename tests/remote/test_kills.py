"""Uploaders that are killed anywhere: the next one goes on, as soon as what the killed one had started has ended."""

import hashlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from common.archive.read import closed_archives
from common.archive.upload_records import upload_records
from common.locks import is_locked
from common.uploads.lock import LOCK
from tests.archive.recordings import UP, Recorder, change_sidecar, verified
from tests.end_to_end.running import run_command, started_command
from tests.remote.stores import Stores, served_stores
from tests.remote.test_uploads import names, tree
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with served_stores(tmp_path_factory.mktemp("stores")) as running:
        yield running


def record(root: Path, messages: int) -> None:
    recorder = Recorder(root)
    recorder.open(UP)
    recorder.messages(messages)
    recorder.close_session()
    recorder.end()


def upload(folder: Path, remote: str, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    arguments = ("--data-root", "d", "--remote", remote, "--cleanup-after-verify")
    return run_command("upload_archives", *arguments, folder=folder, environment=environment)


def test_passes_that_are_killed_anywhere_end_with_everything_proved_and_nothing_lost(
    tmp_path: Path, stores: Stores
) -> None:
    root, store = tmp_path / "d", stores.store("local")
    record(root, 600)
    before = tree(root)
    moments: list[Callable[[], bool]] = [
        lambda: bool(closed_archives(store.disk)),
        lambda: len(list(upload_records(root))) > 3,
        lambda: len(closed_archives(root)) < len(before) / 2,
    ]
    arguments = ("--data-root", "d", "--remote", store.remote, "--cleanup-after-verify")
    for moment in moments:
        with started_command(
            "upload_archives", *arguments, folder=tmp_path, environment=store.environment
        ) as process:
            wait_for(lambda: process.poll() is not None or moment(), what="its moment")  # noqa: B023
            process.kill()
            process.wait()
        for path in before.keys() - tree(root).keys():
            assert tree(store.disk)[path] == before[path], "what is gone here is there"
    assert tree(root) != before, "the kills came too early to prove anything"
    done = upload(tmp_path, store.remote, store.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tree(root), tree(store.disk)) == ({}, before)
    assert verified(root).findings == ()
    assert all(record.cleaned_at_utc for record in upload_records(root))


def test_what_a_killed_upload_left_torn_at_a_store_is_made_whole(tmp_path: Path, stores: Stores) -> None:
    root, store = tmp_path / "d", stores.store("webdav")
    record(root, 20)
    [path, *_] = names(root)
    (root / path).write_bytes(os.urandom(3_000_000))
    reseal(root / path)
    slowly = {**store.environment, "RCLONE_BWLIMIT": "200k", "RCLONE_BUFFER_SIZE": "0"}
    with started_command(
        "upload_archives", "--data-root", "d", "--remote", store.remote, folder=tmp_path, environment=slowly
    ) as process:
        there = store.disk / path
        wait_for(lambda: there.exists() and there.stat().st_size > 0, what="the first bytes at the store")
        [rclone] = children(process.pid)
        process.kill()
        process.wait()
        held = is_locked(root / LOCK)
        os.kill(rclone, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(rclone), what="the end of what it had started")
    assert held, "what a killed uploader had started still held its lock"
    size = there.stat().st_size
    assert 0 < size < 3_000_000
    done = upload(tmp_path, store.remote, store.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert closed_archives(root) == []
    assert there.stat().st_size == 3_000_000


def reseal(path: Path) -> None:
    """Let an archive's sidecar say what the archive is now."""
    whole = path.read_bytes()
    change_sidecar(path, bytes=len(whole), sha256=hashlib.sha256(whole).hexdigest())


def children(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children()]
