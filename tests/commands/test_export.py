"""bin/export as a user types it."""

from pathlib import Path

import pytest

from procs.commands import export
from tests.archive.legs import HOURS
from tests.archive.recordings import UP, Recorder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    recorder = Recorder(tmp_path / "data", layout=HOURS)
    recorder.open(UP)
    recorder.messages(5)
    recorder.close_session()
    recorder.end()
    return tmp_path / "data"


def test_it_says_what_it_made_and_that_it_was_there_before(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--format", "pmxt", "--data-root", str(data), "--output", str(tmp_path / "out")]
    assert export.main(arguments) == 0
    first = capsys.readouterr().out
    assert first.startswith("1 hours: ")
    assert "1 files, " in first
    assert f"see {tmp_path}/out/about" in first
    assert export.main([*arguments, "--hour", "2026-11-23T12"]) == 0
    assert capsys.readouterr().out.startswith("1 hours, 1 of them before: ")
    assert export.main([*arguments, "--hour", "2026-11-23T13"]) == 1
    assert "none of these hours is recorded" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "reason"),
    [
        ("--hour", "2026-11-23T12:30:00", "must be a UTC hour such as 2026-11-23T12"),
        ("--hour", "noon", "must be a UTC hour such as 2026-11-23T12"),
        ("--shard", "0/4", "must be from 1/4 to 4/4"),
        ("--shard", "four", "must be a part such as 1/4"),
        ("--format", "fax", "invalid choice: 'fax'"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    option: str, text: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        export.main(["--format", "pmxt", "--output", str(tmp_path), option, text])
    assert reason in capsys.readouterr().err
