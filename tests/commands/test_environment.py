"""The private environment of the commands: what it does when pip cannot reach anything."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.running import ROOT

PYTHON = """#!/bin/sh
case "$*" in *"-m pip"*) echo "no network" >&2; exit 1;; *"-m some.module"*) echo "it runs";; esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose Python makes no environment, and whose pip reaches nothing."""
    for folder in ("bin", "conf", ".venv/bin", "path"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "bin/.environment", tmp_path / "bin/.environment")
    (tmp_path / "bin/command").write_text('. "${0%/*}/.environment"\nrun_module some.module\n')
    (tmp_path / "setup.cfg").write_text("")
    (tmp_path / "conf/constraints.txt").write_text("new==2\n")
    for python in (tmp_path / "path/python3", tmp_path / ".venv/bin/python"):
        python.write_text(PYTHON)
        python.chmod(0o755)
    return tmp_path


def run(checkout: Path) -> "subprocess.CompletedProcess[str]":
    path = f"{checkout / 'path'}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", checkout / "bin/command"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_network_a_command_goes_on_with_the_versions_that_it_has(checkout: Path) -> None:
    (checkout / ".venv/.ready-run").write_text("of older constraints")
    for _ in range(2):
        result = run(checkout)
        assert (result.returncode, result.stdout) == (0, "it runs\n"), result.stderr
        assert "Going on with the older ones" in result.stderr


def test_without_a_network_and_without_any_version_it_says_so_and_ends(checkout: Path) -> None:
    result = run(checkout)
    assert (result.returncode, result.stdout) == (1, "")
    assert "Could not install the dependencies" in result.stderr
