import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from common.errors import ConfigError
from common.runtime.run_dir import default_run_dir, open_run_dir, remove_if_drained


def test_the_folder_and_what_is_in_it_belong_to_their_owner_alone(short_folder: Path) -> None:
    folder = open_run_dir(str(short_folder / "a" / "run"), short_folder)
    for path in (folder, folder / "facts", folder / "producers"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_facts_of_an_earlier_run_go_and_outboxes_stay(short_folder: Path) -> None:
    folder = open_run_dir(str(short_folder / "run"), short_folder)
    (folder / "facts" / "old.json").touch()
    (folder / "producers" / "ws_reader-0").mkdir()
    assert open_run_dir(str(folder), short_folder) == folder
    assert list((folder / "facts").iterdir()) == []
    assert [path.name for path in (folder / "producers").iterdir()] == ["ws_reader-0"]


def test_it_is_removed_at_the_end_unless_an_outbox_waits_for_the_next_run(short_folder: Path) -> None:
    folder = open_run_dir(str(short_folder / "run"), short_folder)
    outbox = folder / "producers" / "ws_reader-0"
    outbox.mkdir()
    remove_if_drained(folder)
    assert outbox.exists()
    outbox.rmdir()
    remove_if_drained(folder)
    assert not folder.exists()


def test_a_folder_that_others_may_read_is_refused(short_folder: Path) -> None:
    folder = short_folder / "run"
    folder.mkdir()
    folder.chmod(0o750)
    with pytest.raises(ConfigError, match=r"paths\.run_dir: .*/run must belong to you alone \(mode 0700\)"):
        open_run_dir(str(folder), short_folder)


def test_a_path_too_long_for_sockets_is_refused_before_it_is_made(short_folder: Path) -> None:
    folder = short_folder / ("long" * 25)
    with pytest.raises(ConfigError, match="too long for socket names; choose a shorter folder"):
        open_run_dir(str(folder), short_folder)
    assert not folder.exists()


def test_what_is_no_folder_is_refused(short_folder: Path) -> None:
    (short_folder / "file").touch()
    with pytest.raises(ConfigError, match=r"paths\.run_dir: .* cannot be used"):
        open_run_dir(str(short_folder / "file"), short_folder)


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
            open_run_dir(str(short_folder / "run"), short_folder)
    finally:
        subprocess.run(["umount", str(short_folder)], check=True)
