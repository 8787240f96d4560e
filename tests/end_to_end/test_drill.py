"""The drill in short: it passes what it should, and notices what it must."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from common.archive.recorded import payloads_by_cf_ray
from common.drill.bench import bench
from common.drill.judge import finish, judge
from common.drill.outcome import Inconclusive, Plan
from procs.commands import drill
from tests.end_to_end.running import websocket_archives

pytestmark = pytest.mark.unmeasured
SHORT = ("--duration", "1", "--rate", "400", "--seed", "7")


def test_kills_are_survived_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = ("--only", "kill-writer", "--only", "altered-archives")
    assert drill.main([*SHORT, *cases, "--data-root", str(tmp_path / "d")]) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "kill-writer: every received frame is in exactly one closed archive" in said
    assert "done: kill -9 of archive_writer-0, " in said
    assert " archived, 0 unconfirmed, 0 lost, 0 twice\n" in said
    assert "400 frames a second, 1 s of load each, seed 7" in said
    assert list((tmp_path / "d").iterdir()) == [], "what passed leaves nothing behind"


def test_outcomes_come_as_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = drill.main([*SHORT, "--only", "power-cut", "--json", "--data-root", str(tmp_path)])
    [outcome] = json.loads(capsys.readouterr().out)
    assert (code, outcome["case"], outcome["verdict"]) == (0, "power-cut", "PASS"), outcome
    counts = outcome["counts"]
    assert counts["sent"] == counts["received"] == counts["archived"] > 100
    assert (counts["lost"], counts["twice"]) == (0, 0)


def test_the_other_kinds_of_cases_run_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = ("--only", "hostile-frames")
    assert drill.main([*SHORT, *cases, "--data-root", str(tmp_path)]) == 0, capsys.readouterr().out


@pytest.mark.skipif(find_spec("libfaketime") is not None, reason="here the clock can be set")
def test_what_cannot_be_done_here_is_inconclusive_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drill.main([*SHORT, "--only", "clock-steps", "--data-root", str(tmp_path)]) == 3
    assert "needs libfaketime" in capsys.readouterr().out


def test_what_is_lost_or_twice_is_noticed_and_a_case_without_an_act_proves_nothing(tmp_path: Path) -> None:
    with bench(Plan(1, 400, 7), tmp_path) as made:
        made.start(writers=1)
        made.rest(0.5)
        with pytest.raises(Inconclusive):
            finish(made, counted=0)
        wrongs, counts = judge(made)
        assert (wrongs, counts.lost, counts.twice) == ([], 0, 0)
        first = websocket_archives(made.data_root)[0]
        frames = sum(map(len, payloads_by_cf_ray([first]).values()))
        again = first.with_name(first.name.replace("_l0_", "_l1_"))
        shutil.copy(first, again)
        wrongs, counts = judge(made)
        assert (wrongs[0], counts.twice) == (f"0 frames lost, {frames} recorded twice", frames)
        again.unlink()
        first.unlink()
        wrongs, counts = judge(made)
        assert counts.lost == frames
        assert any("is a sidecar, but its archive is not here" in words for words in wrongs)


def test_cases_are_listed_and_unknown_ones_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert drill.main(["--list"]) == 0
    assert "second-recorder" in capsys.readouterr().out
    assert drill.main(["--only", "earthquake"]) == 2
    assert "no case earthquake" in capsys.readouterr().err
