"""What the shells complete: the script is sourced in a real bash, which is asked as a Tab asks it."""

import subprocess
from pathlib import Path

import pytest

from common.runtime.command_line.invocation import COMMANDS
from procs.commands import shell_completion

ASK = """
. "$1"; shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
asked=$(complete -p "${1##*/}") || exit 9
asked=${asked#*-F }
"${asked% *}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(script: Path, *words: str, folder: Path) -> list[str]:
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", ASK, "bash", script, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=folder,
    )
    return done.stdout.split()


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert shell_completion.main(["bash"]) == 0
    path = tmp_path / "completion.bash"
    path.write_text(capsys.readouterr().out)
    return path


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("bin/run-recorder", "--writ"), {"--writers"}),
        (("run-recorder", "--exchange", ""), {"live", "simulated"}),
        (("recorderctl", "sta"), {"status"}),
        (("recorderctl", "status", "--o"), {"--once"}),
        (("recorderctl", "scale", ""), {"writer"}),
        (("tail-queue", "--stream", "rest"), {"rest_checkpoints"}),
        (("replay-book", "--data-root", ""), {"recordings"}),
        (("verify-archives", "--config", "m"), {"mine.yaml"}),
        (("shell-completion", "b"), {"bash"}),
    ],
)
def test_bash_completes_options_choices_files_and_folders(
    script: Path, words: tuple[str, ...], meant: set[str], tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    (folder / "recordings").mkdir(parents=True)
    (folder / "mine.yaml").touch()
    assert {word.rstrip("/") for word in completed(script, *words, folder=folder)} == meant


def test_every_command_is_completed(script: Path, tmp_path: Path) -> None:
    for name in COMMANDS:
        assert "--data-root" in completed(script, name, "--data", folder=tmp_path)


def test_an_installed_package_completes_its_one_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(shell_completion, "IN_CHECKOUT", False)
    assert shell_completion.main(["bash"]) == 0
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out)
    assert completed(script, "orderbook-recorder", "run", folder=tmp_path) == ["run-recorder"]
    assert completed(script, "orderbook-recorder", "recorderctl", "ro", folder=tmp_path) == ["rotate"]
    assert completed(script, "orderbook-recorder", "drill", "--li", folder=tmp_path) == ["--list"]


def test_zsh_gets_a_function_for_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert shell_completion.main(["zsh"]) == 0
    shown = capsys.readouterr().out
    assert all(f"compdef _shtab_{name.replace('-', '_')} -N {name}\n" in shown for name in COMMANDS)
