"""What a crash left open becomes closed archives with all whole rows, by the journal or without one."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest

from common.archive.read import closed_archives, iterate_lines
from common.archive.salvage.data_root import recover_data_root
from common.core.rows.names import Layout
from common.errors import AlreadyRunningError
from common.locks import FileLock
from procs.commands import recover_archives
from tests.archive.recordings import MINUTES, PRODUCER, UP, Recorder, archive, sidecar_of, told, verified

NOISE = random.Random(1).randbytes(64)


def crashed(root: Path, messages: int = 40, layout: Layout = MINUTES) -> None:
    """Two open archives, everything committed, then some bytes that no commit covers."""
    recorder = Recorder(root, layout=layout)
    recorder.open(UP)
    recorder.messages(messages)
    recorder.commit()
    recorder.leave()


def forget_journals(root: Path) -> None:
    for path in (root / "journal").glob("*.journal"):
        path.unlink()


def open_files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.open"))


def row_count(root: Path) -> int:
    return sum(len(list(iterate_lines(path))) for path in closed_archives(root))


def test_lanes_with_a_journal_are_cut_to_it_and_closed(tmp_path: Path) -> None:
    crashed(tmp_path)
    with open_files(tmp_path)[0].open("ab") as file:
        file.write(b"not committed")
    first, second = recover_data_root(tmp_path, dry_run=False)
    assert (first.rows_kept + second.rows_kept, first.bytes_cut, second.bytes_cut) == (41, 13, 0)
    assert (tmp_path / first.archive) == archive(tmp_path, 0)
    assert row_count(tmp_path) == 41
    assert verified(tmp_path).findings == ()
    assert recover_data_root(tmp_path, dry_run=False) == []


@pytest.mark.parametrize("tail", [b"", b"\0" * 3000, NOISE, b"\x1f\x8b\x08\x00garbage" + b"\0" * 9], ids=len)
def test_without_a_journal_all_whole_rows_are_salvaged(tmp_path: Path, tail: bytes) -> None:
    crashed(tmp_path)
    forget_journals(tmp_path)
    for path in open_files(tmp_path):
        with path.open("ab") as file:
            file.write(tail)
    done = recover_data_root(tmp_path, dry_run=False)
    assert sum(each.rows_kept for each in done) == 41
    assert row_count(tmp_path) == 41
    sidecar = sidecar_of(archive(tmp_path, 0))
    assert sidecar["recovered"] is True
    assert sidecar["bytes_cut"] == done[0].bytes_cut <= len(tail)
    assert sidecar["producers"][PRODUCER]["first_lane_sequence"] == 1
    assert told(tmp_path) == []
    assert open_files(tmp_path) == []
    assert len(list(tmp_path.rglob("*.torn"))) == (2 if tail else 0)
    assert recover_data_root(tmp_path, dry_run=False) == []


def test_a_torn_file_keeps_every_row_before_the_tear(tmp_path: Path) -> None:
    crashed(tmp_path, messages=55)
    forget_journals(tmp_path)
    path = open_files(tmp_path)[0]
    data = bytearray(path.read_bytes())
    at = len(data) * 2 // 3
    data[at : at + 40] = NOISE[:40]
    path.write_bytes(data)
    done = recover_data_root(tmp_path, dry_run=False)[0]
    assert 0 < done.rows_kept < 28
    assert 0 < done.bytes_cut <= len(data)
    assert len(list(iterate_lines(tmp_path / done.archive))) == done.rows_kept
    [torn] = path.parent.glob("*.torn")
    assert torn.read_bytes() == data


def test_what_the_journal_finds_damaged_is_salvaged_too(tmp_path: Path) -> None:
    crashed(tmp_path)
    path = open_files(tmp_path)[0]
    length = path.stat().st_size
    os.truncate(path, length - 30)
    done = recover_data_root(tmp_path, dry_run=False)
    assert f"though {length} were made durable" in done[0].words
    assert [each.words.partition(";")[0] for each in done[1:]] == [
        "closed by its journal",
        "no journal knows it",
    ]
    assert len(closed_archives(tmp_path)) == 2


def test_a_dry_run_says_the_same_and_changes_nothing(tmp_path: Path) -> None:
    for forget in (False, True):
        root = tmp_path / str(forget)
        crashed(root)
        if forget:
            forget_journals(root)
        before = sorted(root.rglob("*"))
        planned = recover_data_root(root, dry_run=True)
        assert set(root.rglob("*")) - set(before) <= {root / ".recorder.lock"}
        done = recover_data_root(root, dry_run=False)
        assert [(each.file, each.rows_kept, each.bytes_cut) for each in planned] == [
            (each.file, each.rows_kept, each.bytes_cut) for each in done
        ]


def test_an_interrupted_salvage_is_finished_and_not_repeated(tmp_path: Path) -> None:
    crashed(tmp_path)
    forget_journals(tmp_path)
    path = open_files(tmp_path)[0]
    copy = tmp_path / "copy"
    shutil.copy(path, copy)
    recover_data_root(tmp_path, dry_run=False)
    shutil.copy(copy, path)  # as if it had ended before the file was put away
    path.with_name(f"{path.name.removesuffix('.open')}.salvage").write_bytes(b"begun")
    [again] = recover_data_root(tmp_path, dry_run=False)
    assert tmp_path / again.archive == archive(tmp_path, 0)
    assert len(closed_archives(tmp_path)) == 2
    assert not list(tmp_path.rglob("*.salvage"))


def test_another_archive_of_that_name_is_not_overwritten(tmp_path: Path) -> None:
    crashed(tmp_path)
    forget_journals(tmp_path)
    path = open_files(tmp_path)[0]
    taken = path.with_name(path.name.removeprefix(".").removesuffix(".open"))
    taken.write_bytes(b"another")
    done = recover_data_root(tmp_path, dry_run=False)[0]
    assert done.archive.endswith("_part-2.jsonl.gz")
    assert taken.read_bytes() == b"another"


def test_a_file_without_a_whole_row_makes_no_archive(tmp_path: Path) -> None:
    crashed(tmp_path)
    forget_journals(tmp_path)
    path = open_files(tmp_path)[0]
    path.write_bytes(bytes(5000))
    done = recover_data_root(tmp_path, dry_run=False)[0]
    assert (done.archive, done.rows_kept, done.bytes_cut) == ("", 0, 5000)
    assert done.words.startswith("holds no whole row; the file is kept as ")


def test_what_a_sample_left_open_is_salvaged(tmp_path: Path) -> None:
    crashed(tmp_path, layout=Layout("sample", run_id="r1"))
    forget_journals(tmp_path)
    done = recover_data_root(tmp_path, dry_run=False)
    assert [each.archive.rpartition("/")[2] for each in done] == [
        "polymarket_ws_raw_r1.jsonl.gz",
        "polymarket_ws_raw_r1_part-2.jsonl.gz",
    ]
    assert row_count(tmp_path) == 41


def test_a_running_recorder_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crashed(tmp_path)
    lock = FileLock(tmp_path / ".recorder.lock", "here")
    with pytest.raises(AlreadyRunningError):
        recover_data_root(tmp_path, dry_run=False)
    assert recover_archives.main(["--data-root", str(tmp_path)]) == 1
    assert "is in use by another process" in capsys.readouterr().err
    lock.release()


def test_the_command_tells_each_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crashed(tmp_path)
    root = ["--data-root", str(tmp_path)]
    assert recover_archives.main([*root, "--dry-run"]) == 0
    assert "2 to recover; nothing was changed." in capsys.readouterr().out
    assert recover_archives.main([*root, "--json"]) == 0
    assert [each["words"] for each in json.loads(capsys.readouterr().out)] == ["closed by its journal"] * 2
    assert recover_archives.main(root) == 0
    assert capsys.readouterr().out == "Nothing was left open.\n"
    assert recover_archives.main(["--data-root", str(tmp_path / "nowhere")]) == 1
