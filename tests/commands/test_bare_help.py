"""The help of every command on a fresh clone: before there is an environment, and without making one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.runtime.command_line.invocation import COMMANDS
from common.version import PROGRAM_VERSION
from tests.end_to_end.running import ROOT

PYTHON = """#!/bin/sh
case "$*" in *"-m venv"*) echo "an environment was asked for" >&2; exit 1;; esac
exec {python} -S -s "$@"
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout without an environment, and on its PATH a Python without any library."""
    for name in ("common", "procs", "conf", "setup.cfg"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    python = tmp_path / "path/python3"
    python.parent.mkdir()
    python.write_text(PYTHON.format(python=sys.executable))
    python.chmod(0o755)
    return tmp_path


def run(clone: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PATH": f"{clone / 'path'}:{os.environ['PATH']}", "COLUMNS": "80"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        [clone / "bin" / words[0], *words[1:]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_the_whole_one_and_needs_no_environment(name: str, clone: Path) -> None:
    shown = run(clone, name, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    module = f"procs.commands.{name.replace('-', '_')}"
    whole = subprocess.run(
        [sys.executable, "-P", "-m", module, "--help"],
        env={**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert shown.stdout == whole.stdout
    assert not (clone / ".venv").exists()
    assert not (clone / ".venv.lock").exists()


def test_the_version_needs_none_either(clone: Path) -> None:
    assert run(clone, "drill", "--version").stdout.startswith(f"drill {PROGRAM_VERSION.partition('+')[0]}")


@pytest.mark.parametrize("words", [("drill", "--list"), ("tail-queue", "--", "--help")])
def test_everything_else_makes_the_environment(clone: Path, words: tuple[str, ...]) -> None:
    done = run(clone, *words)
    assert done.returncode == 1
    assert "First use: preparing a private Python environment" in done.stderr
    assert "an environment was asked for" in done.stderr


def test_where_the_help_cannot_be_had_alone_the_environment_is_made(clone: Path) -> None:
    (clone / "procs").unlink()
    done = run(clone, "drill", "--help")
    assert (done.returncode, done.stdout) == (1, "")
    assert "an environment was asked for" in done.stderr
