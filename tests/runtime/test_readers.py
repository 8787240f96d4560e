"""Who may read a data root: its owner, or the group too."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.archive.read import closed_archives
from common.archive.writing.store import LaneStore
from common.config import PathSettings
from common.core.rows.names import sidecar_path
from common.files import DISK, write_atomically
from common.runtime.readers import admit_readers, open_folders
from tests.archive.rows import RUNTIME, append_all, message


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(DISK, "group_reads", False)
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def crashed_and_closed(root: Path) -> list[Path]:
    """A store that was left with an open archive, and the next one, which recovers it and closes another."""
    for number in (1, 2):
        store = LaneStore.open(root, 0, layout=RUNTIME, gzip_level=1)
        append_all(store, [message(number)])
        store.commit()
        [archive] = root.rglob("*.open")
        assert mode(archive) == 0o600, "an open archive is its owner's alone"
        if number == 2:
            store.close_all()
        store.close()
    return list(closed_archives(root))


@pytest.mark.parametrize(
    ("readable_by", "file", "folder"), [("owner", 0o600, 0o700), ("group", 0o640, 0o750)]
)
def test_closed_and_recovered_archives_are_for_those_that_the_settings_name(
    tmp_path: Path, readable_by: str, file: int, folder: int
) -> None:
    admit_readers(PathSettings(readable_by="group" if readable_by == "group" else "owner"))
    archives = crashed_and_closed(tmp_path)
    assert [(mode(each), mode(Path(sidecar_path(str(each))))) for each in archives] == [(file, file)] * 2
    assert {mode(archive.parent) for archive in archives} == {folder}


def test_a_small_file_is_for_the_group_whenever_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "manifests" / "latest.json"
    write_atomically(path, b"1")
    assert mode(path) == 0o600
    admit_readers(PathSettings(readable_by="group"))
    write_atomically(path, b"2")
    assert mode(path) == 0o640


def test_the_group_gets_through_folders_that_an_earlier_run_made_for_itself(tmp_path: Path) -> None:
    [archive, *_] = crashed_and_closed(tmp_path)
    private = tmp_path / "mine"
    private.mkdir()
    between = [folder for folder in archive.parents if tmp_path in (folder, *folder.parents)]
    assert {mode(folder) for folder in between} == {0o700}
    open_folders(PathSettings(data_root=str(tmp_path), readable_by="group"))
    assert {mode(folder) for folder in between} == {0o750}
    assert (mode(archive), mode(private)) == (0o600, 0o700), (
        "what was closed before, and what is not ours, stays"
    )


def test_by_default_no_folder_is_touched(tmp_path: Path) -> None:
    open_folders(PathSettings(data_root=str(tmp_path)))
    assert mode(tmp_path) == 0o700
