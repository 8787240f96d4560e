"""A copy of what a live recorder has uploaded so far: only what must be there and is not is a finding."""

import shutil
from pathlib import Path

import pytest

from common.archive.ledger import stored_ledgers
from common.archive.read import closed_archives
from common.core.rows.names import WS_RAW, sidecar_path, window_start_of
from tests.archive.recordings import DOWN, NEXT, SECOND_NS, UP, Recorder, told, verified
from tests.archive.test_ledgers import ledgers


def record(root: Path) -> None:
    """Four windows of two lanes: a session over three of them, an outage, another session that goes on for ever."""
    recorder = Recorder(root)
    recorder.open(UP, DOWN)
    recorder.messages(110)
    recorder.change(UP, DOWN, NEXT)
    recorder.messages(25, DOWN)
    ended_ns = recorder.close_session("connection_lost")
    recorder.at_ns += 4 * SECOND_NS
    recorder.open(UP, DOWN, NEXT, gap_from_ns=ended_ns)
    recorder.messages(90, NEXT)
    recorder.end()


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A data root, and its files in the order in which they come to the remote."""
    root = tmp_path_factory.mktemp("root")
    record(root)
    ledgers(root)
    files: list[tuple[int, int, str, Path]] = []
    for path in closed_archives(root):
        start = window_start_of(path.name) or 0
        files += [(start, 0, path.name, path), (start, 0, f"{path.name}~", Path(sidecar_path(str(path))))]
    for start, path in stored_ledgers(root, WS_RAW).items():
        files.append((start, 1, path.name, path))
    return root, [file[3] for file in sorted(files, key=lambda file: file[:3])]


def copy(root: Path, files: list[Path], to: Path) -> Path:
    for path in files:
        target = to / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return to


def test_whatever_has_come_to_the_remote_so_far_is_clean(
    uploads: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    root, files = uploads
    assert len(files) == 8 * 2 + 4
    for count in range(1, len(files) + 1):
        restored = copy(root, files[:count], tmp_path / str(count))
        found = verified(restored)
        assert found.findings == (), f"{count} files, the last one {files[count - 1].name}"
        assert any("the newest window" in note for note in found.notes)


def test_what_must_be_there_and_is_not_is_found_in_a_copy_too(
    uploads: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    root, files = uploads
    for index in (0, 2):  # an archive of either lane in the first window
        gone = [files[index], files[index + 1]]
        restored = copy(root, [path for path in files if path not in gone], tmp_path / str(index))
        assert [finding for finding in told(restored) if finding.startswith(("sequence", "lane"))]
    torn = copy(root, files, tmp_path / "torn")
    path = closed_archives(torn)[0]
    path.write_bytes(path.read_bytes()[:-20])
    assert told(torn)


def test_a_data_root_with_its_journals_is_no_copy(uploads: tuple[Path, list[Path]]) -> None:
    assert any("has no session_closed row" in finding for finding in told(uploads[0]))
