import json
import shutil
import stat
import subprocess
from pathlib import Path

import msgspec
import pytest

from common.errors import AlreadyRunningError, ConfigError
from common.queue.outbox_files import IDENTITY, Identity
from common.runtime.run.run_dir import ASSIGNMENT, RunDir, default_run_dir


def test_the_folder_and_what_is_in_it_belong_to_their_owner_alone(short_folder: Path) -> None:
    folder = RunDir(str(short_folder / "a" / "run"), short_folder).path
    for path in (folder, folder / "facts", folder / "producers"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def left_by_a_run(short_folder: Path) -> Path:
    """A run's folder in which an outbox waits for the next run on the same data root."""
    run_dir = RunDir(str(short_folder / "run"), short_folder)
    (run_dir.path / ASSIGNMENT).write_text(json.dumps({"data_root": str(short_folder)}))
    (run_dir.path / "facts" / "old.json").touch()
    (run_dir.path / "producers" / "ws_reader-0").mkdir()
    run_dir.release()
    return run_dir.path


def test_facts_of_an_earlier_run_go_and_outboxes_stay(short_folder: Path) -> None:
    folder = left_by_a_run(short_folder)
    assert RunDir(str(folder), short_folder).path == folder
    assert list((folder / "facts").iterdir()) == []
    assert [path.name for path in (folder / "producers").iterdir()] == ["ws_reader-0"]


def test_it_is_removed_at_the_end_unless_an_outbox_waits_for_the_next_run(short_folder: Path) -> None:
    folder = left_by_a_run(short_folder)
    outbox = folder / "producers" / "ws_reader-0"
    assert outbox.exists()
    run_dir = RunDir(str(folder), short_folder)
    outbox.rmdir()
    run_dir.release()
    assert not folder.exists()


def test_two_recorders_never_share_a_folder(short_folder: Path) -> None:
    run_dir = RunDir(str(short_folder / "run"), short_folder)
    with pytest.raises(AlreadyRunningError, match=r"paths\.run_dir: the folder .*/run is in use by another"):
        RunDir(str(short_folder / "run"), short_folder / "other")
    run_dir.release()


def spool_of(short_folder: Path, data_root_id: str) -> Path:
    """The same, of a data root with this id."""
    folder = left_by_a_run(short_folder)
    identity = Identity("ws_reader-0-a", "ws_raw", "simulated", data_root_id)
    (folder / "producers" / "ws_reader-0" / IDENTITY).write_bytes(msgspec.json.encode(identity))
    return folder


def test_a_spool_is_known_by_the_id_of_its_data_root_wherever_that_is_mounted_now(short_folder: Path) -> None:
    folder = spool_of(short_folder, "root-a")
    run_dir = RunDir(str(folder), short_folder / "moved", "root-a")
    assert run_dir.path == folder
    assert run_dir.exchange_waiting == "simulated"


def test_a_spool_of_another_data_root_is_refused_though_the_path_is_the_same(short_folder: Path) -> None:
    folder = spool_of(short_folder, "root-a")
    (folder / "facts" / "told.json").touch()
    with pytest.raises(
        ConfigError, match=f"on the data root that was at {short_folder} before has not .* bring"
    ):
        RunDir(str(folder), short_folder, "root-b")
    with pytest.raises(
        ConfigError, match=f"on data root {short_folder} has not archived yet; start that one"
    ):
        RunDir(str(folder), short_folder / "other", "root-b")
    assert (folder / "facts" / "told.json").exists(), "what is not ours is not touched"


def test_a_data_root_that_is_empty_now_may_take_its_spool_over(short_folder: Path) -> None:
    folder = spool_of(short_folder, "root-a")
    assert RunDir(str(folder), short_folder, "").path == folder


def test_without_a_spool_there_is_nothing_to_wait_for(short_folder: Path) -> None:
    assert RunDir(str(short_folder / "run"), short_folder, "root-a").exchange_waiting is None


def test_what_waits_for_another_data_root_is_left_to_it(short_folder: Path) -> None:
    folder = left_by_a_run(short_folder)
    with pytest.raises(ConfigError, match=f"holds what a recorder on data root {short_folder} has not"):
        RunDir(str(folder), short_folder / "other")
    (short_folder / "link").symlink_to(short_folder)
    assert RunDir(str(folder), short_folder / "link").path == folder


def test_a_folder_that_others_may_read_is_refused(short_folder: Path) -> None:
    folder = short_folder / "run"
    folder.mkdir()
    folder.chmod(0o750)
    with pytest.raises(ConfigError, match=r"paths\.run_dir: .*/run must belong to you alone \(mode 0700\)"):
        RunDir(str(folder), short_folder)


def test_a_path_too_long_for_sockets_is_refused_before_it_is_made(short_folder: Path) -> None:
    folder = short_folder / ("long" * 25)
    with pytest.raises(ConfigError, match="too long for socket names; choose a shorter folder"):
        RunDir(str(folder), short_folder)
    assert not folder.exists()


def test_what_is_no_folder_is_refused(short_folder: Path) -> None:
    (short_folder / "file").touch()
    with pytest.raises(ConfigError, match=r"paths\.run_dir: .* cannot be used"):
        RunDir(str(short_folder / "file"), short_folder)


def test_the_default_is_found_again_by_the_data_root_and_differs_between_data_roots(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (short_folder / "data").mkdir()
    monkeypatch.chdir(short_folder)
    assert default_run_dir(Path("data")) == default_run_dir(short_folder / "data")
    assert default_run_dir(Path("data")) != default_run_dir(Path("other"))
    (short_folder / "link").symlink_to(short_folder / "data")
    assert default_run_dir(Path("link")) == default_run_dir(Path("data")), "a data root has one run folder"


def test_a_file_system_with_too_little_room_for_a_spool_is_refused(short_folder: Path) -> None:
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(short_folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        with pytest.raises(ConfigError, match=r"has 4 MiB free, 16 are needed"):
            RunDir(str(short_folder / "run"), short_folder)
    finally:
        subprocess.run(["umount", str(short_folder)], check=True)
