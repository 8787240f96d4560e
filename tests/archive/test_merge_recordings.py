import json
from pathlib import Path
from shutil import copytree

import pytest

from common.archive.identity import IDENTITY_FORMAT, DataRootIdentity, write_identity
from common.archive.read import closed_archives
from common.archive.replay import read_archive
from common.archive.sidecar import read_sidecar
from procs.commands import merge_recordings
from tests.archive.legs import Hearing, a_world, record
from tests.archive.recordings import change_sidecar, told

WORLD = a_world()
FIRST = Hearing(outages=[(90, 140)], clock_error_ms=40)
SECOND = Hearing(host="two", outages=[(200, 260)], clock_error_ms=300, wall_ahead_ms=250)


def hosts(folder: Path, first: Hearing = FIRST, second: Hearing = SECOND) -> list[Path]:
    roots = [folder / "first", folder / "second"]
    for root, hearing in zip(roots, (first, second), strict=True):
        record(root, WORLD, hearing)
        write_identity(root, DataRootIdentity(IDENTITY_FORMAT, f"id-of-{root.name}", "live", ""))
    return roots


def merge(roots: list[Path], output: Path, *options: str) -> int:
    return merge_recordings.main([*map(str, roots), "--output", str(output), *options])


def test_the_result_is_a_data_root_whose_readers_see_one_stream(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roots = hosts(tmp_path)
    assert merge(roots, tmp_path / "merged", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    rows = list(read_archive(tmp_path / "merged"))
    assert rows == list(read_archive(roots))
    messages = [row for row in rows if row.record_type == "message"]
    assert done["messages"] == len(messages)
    assert done["messages"] == done["in_several"] + sum(done["only"].values())
    assert done["only"].keys() == {"one", "two"}
    assert (done["only"]["one"] > 50, done["only"]["two"] > 40, done["doubtful"]) == (True, True, 0)
    assert told(tmp_path / "merged") == []


def test_archives_are_copied_as_they_are_and_name_their_sources(tmp_path: Path) -> None:
    roots = hosts(tmp_path)
    assert merge(roots, tmp_path / "merged") == 0
    for root in roots:
        for path in closed_archives(root):
            copied = tmp_path / "merged" / path.relative_to(root)
            assert copied.read_bytes() == path.read_bytes()
            [source] = read_sidecar(copied).sources
            assert source.data_root_id == f"id-of-{root.name}"
            assert source.host == read_sidecar(path).host


def test_the_same_recordings_give_the_same_bytes_in_any_order_and_can_be_merged_further(
    tmp_path: Path,
) -> None:
    roots = hosts(tmp_path)
    third = tmp_path / "third"
    record(third, WORLD, Hearing(host="three", clock_error_ms=1))
    assert merge(roots, tmp_path / "merged") == 0
    assert merge(roots[::-1], tmp_path / "again") == 0
    files = sorted(path for path in (tmp_path / "merged").rglob("*") if path.is_file())
    for path in files:
        assert (tmp_path / "again" / path.relative_to(tmp_path / "merged")).read_bytes() == path.read_bytes()
    assert merge([tmp_path / "merged", third], tmp_path / "all") == 0
    of_three = [row.payload for row in read_archive(tmp_path / "all") if row.payload_json[:1] == b"{"]
    assert sorted(filter(None, of_three)) == sorted(text for _, text in WORLD.messages if text[:1] == b"{")


@pytest.mark.parametrize(
    "wrong", ["twice", "copy", "exchange", "unsure", "unknown", "full", "damaged", "empty"]
)
def test_what_cannot_be_merged_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    unsure = {"unsure": 900.0, "unknown": None}.get(wrong, 300.0)
    roots = hosts(tmp_path, second=Hearing(host="two", clock_error_ms=unsure))
    output = tmp_path / "merged"
    [archive, *_] = closed_archives(roots[1])
    if wrong == "twice":
        roots[1] = roots[0]
    elif wrong == "copy":
        roots[1] = Path(copytree(roots[0], tmp_path / "copy"))
    elif wrong == "exchange":
        for path in closed_archives(roots[1]):
            change_sidecar(path, exchange="simulated")
    elif wrong == "full":
        (output / "something").mkdir(parents=True)
    elif wrong == "damaged":
        change_sidecar(archive, sha256="0" * 64)
    elif wrong == "empty":
        roots[1] = tmp_path / "nothing"
        roots[1].mkdir()
    assert merge(roots, output) == 1
    said = capsys.readouterr().err
    assert {
        "twice": "the same recording is given twice",
        "copy": "the same recording is given twice",
        "exchange": "they are not merged",
        "unsure": "off by 900 ms",
        "unknown": "give --clock-error-ms",
        "full": "is not empty",
        "damaged": "is not what its sidecar says",
        "empty": "holds no closed archives",
    }[wrong] in said
    assert not (output / "identity.json").exists()


def test_what_was_given_for_an_unknown_clock_is_remembered(tmp_path: Path) -> None:
    roots = hosts(tmp_path, second=Hearing(host="two"))
    assert merge(roots, tmp_path / "merged", "--clock-error-ms", "60") == 0
    assert list(read_archive(tmp_path / "merged")) == list(read_archive(roots, clock_error_ms=60))
