from pathlib import Path

import pytest

from tests.end_to_end.running import run_here


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--speed", "10"), "--speed only goes with --replay"),
        (("--from", "2026-11-23T12:00:00Z"), "--from only goes with --replay"),
        (("--replay", "nowhere", "--rate", "5"), "--rate does not go with --replay"),
        (("--replay", "nowhere", "--window-seconds", "5"), "--window-seconds does not go with --replay"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    refused = run_here("simulate_exchange", *words, folder=tmp_path)
    assert refused.returncode == 78
    assert said in refused.stderr


def test_a_recording_that_cannot_be_played_is_refused_before_anything_listens(tmp_path: Path) -> None:
    refused = run_here("simulate_exchange", "--replay", str(tmp_path / "nowhere"), folder=tmp_path)
    assert refused.returncode == 1
    assert f"{tmp_path / 'nowhere'}: there is no such archive or folder" in refused.stderr
    assert not refused.stdout
    assert run_here("simulate_exchange", "--replay", ".", "--speed", "fast", folder=tmp_path).returncode == 2
