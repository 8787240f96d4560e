"""The private environments of the commands and of bin/run-tests: without a network, and with which Python."""

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
    (tmp_path / "bin/command").write_text('. "${0%/*}/.environment"\nrun_module run some.module\n')
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


RECORDING_PYTHON = """#!/bin/sh
case "$*" in
"-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
*"-m pip "*) echo "pip $*" >> {log}; {pip};;
*"-m coverage "*) echo "coverage $*" >> {log};;
*"-m pytest "*) echo "pytest $*" >> {log};;
esac
"""


def run_tests(checkout: Path, *options: str, pip: str = "true") -> tuple[int, list[str], str]:
    """bin/run-tests where Python 3.11 and 3.12 are there: its exit code, what they did, and its messages."""
    shutil.copy(ROOT / "bin/run-tests", checkout / "bin/run-tests")
    log, temporary = checkout / "log", checkout / "temporary"
    temporary.mkdir()
    for minor in range(11, 20):
        python = checkout / f"path/python3.{minor}"
        there = RECORDING_PYTHON.format(log=log, pip=pip if minor == 12 else "true")
        python.write_text(there if minor < 13 else "#!/bin/sh\nexit 1\n")
        python.chmod(0o755)
    shutil.copy(checkout / "path/python3.12", checkout / "path/python3")
    result = subprocess.run(
        ["sh", checkout / "bin/run-tests", *options],
        env={**os.environ, "PATH": f"{checkout / 'path'}:{os.environ['PATH']}", "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not list(temporary.iterdir()), "the environment was removed"
    return result.returncode, log.read_text().splitlines(), result.stderr


def test_tests_run_with_every_python_that_is_there_on_the_pinned_versions(checkout: Path) -> None:
    code, done, messages = run_tests(checkout, "--other-pythons", "tests/core")
    assert code == 0, messages
    assert [line.split()[0] for line in done] == ["pip", "pytest"] * 2
    assert all("--constraint" in line for line in done if line.startswith("pip"))
    assert done[1] == "pytest -m pytest tests/core"
    assert messages.endswith("tried: python3.11 python3.12; failed: none\n")


def test_a_python_that_cannot_be_tried_is_named_and_is_no_success(checkout: Path) -> None:
    code, done, messages = run_tests(checkout, "--other-pythons", "tests/core", pip="exit 1")
    assert code == 1
    assert [line.split()[0] for line in done] == ["pip", "pytest", "pip"]
    assert messages.endswith("failed: python3.12\n")


def test_the_canary_takes_the_newest_versions(checkout: Path) -> None:
    code, [installed, tested], messages = run_tests(checkout, "--newest")
    assert code == 0, messages
    assert "--upgrade" in installed
    assert "--constraint" not in installed
    assert tested.startswith("pytest -m pytest -n 4")


def test_coverage_is_measured_only_where_it_is_asked_for(checkout: Path) -> None:
    _, done, _ = run_tests(checkout, "--coverage", "--maxfail=1")
    assert [line.split()[:4] for line in done if line.startswith("coverage")] == [
        ["coverage", "-m", "coverage", each] for each in ("run", "combine", "report")
    ]
    assert any(line.endswith("--no-loadscope-reorder --maxfail=1") for line in done)
    (checkout / "temporary").rmdir()
    (checkout / "log").unlink()
    _, done, _ = run_tests(checkout, "tests/core")
    assert done[-1] == "pytest -m pytest tests/core"
    assert not [line for line in done if line.startswith("coverage")]
