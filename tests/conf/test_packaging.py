import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from importlib.metadata import version
from pathlib import Path

import pytest

from common.runtime.command_line.invocation import COMMANDS, PROGRAM, as_typed, program_name
from procs.commands import orderbook_recorder
from procs.commands.orderbook_recorder import EXTRAS, missing_modules
from tests.conf.shipped import CONF, ROOT, setup_cfg, words
from tests.conf.test_container import build_folder


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_starts_by_its_name_and_has_its_script_in_bin(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        orderbook_recorder.main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {name} ")
    assert f" procs.commands.{name.replace('-', '_')} " in (ROOT / "bin" / name).read_text()


def test_every_script_of_a_command_in_bin_is_a_command_of_the_package() -> None:
    scripts = {path.name for path in (ROOT / "bin").iterdir() if "\nrun_module " in path.read_text()}
    assert scripts - {"run-tests"} == set(COMMANDS)


def test_the_command_lists_all_of_them_and_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert orderbook_recorder.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)
    assert orderbook_recorder.main(["--version"]) == 0
    assert re.fullmatch(rf"{PROGRAM} \d+\.\d+\.\d+(\+g\w+)?\n", capsys.readouterr().out)
    assert orderbook_recorder.main([]) == 2
    assert orderbook_recorder.main(["no-such"]) == 2
    assert "there is no command 'no-such'" in capsys.readouterr().err


def test_a_command_whose_extra_is_missing_says_which_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert orderbook_recorder.main(["export-parquet", "--help"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: export-parquet needs pyarrow")
    assert "[parquet]'" in error


def test_the_extras_that_commands_need_are_offered_and_installed_for_tests() -> None:
    offered = setup_cfg()["options.extras_require"]
    for name, (extra, modules) in EXTRAS.items():
        named = {re.split("[<>=]", line)[0] for line in words(offered[extra])}
        assert set(modules) == named
        assert not missing_modules(name)


def test_a_hint_names_the_command_as_this_installation_types_it() -> None:
    hint = "see bin/verify-archives, never /usr/bin/drill or bin/drill-press"
    assert as_typed(hint, checkout=True) == hint
    assert as_typed(hint, checkout=False) == hint.replace("see bin/", f"see {PROGRAM} ")
    assert (program_name("drill", checkout=True), program_name("drill", checkout=False)) == (
        "drill",
        f"{PROGRAM} drill",
    )


@pytest.mark.skipif(
    int(version("setuptools").partition(".")[0]) < 77,
    reason="the setuptools here is too old to build a wheel",
)
def test_the_wheel_has_one_command_all_data_and_complete_metadata(tmp_path: Path) -> None:
    """Built from the files that an installation copies, by the setuptools that is here: no package index is asked."""
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, tmp_path],
        cwd=build_folder(tmp_path / "source"),
        check=True,
        capture_output=True,
    )
    [built] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built) as wheel:
        names = set(wheel.namelist())
        [entry_points, metadata] = (
            wheel.read(next(name for name in names if name.endswith(wanted))).decode()
            for wanted in ("/entry_points.txt", "/METADATA")
        )
    assert words(entry_points) == ["[console_scripts]", f"{PROGRAM} = procs.commands.orderbook_recorder:main"]
    wanted = [*(path for top in ("common", "procs") for path in (ROOT / top).rglob("*")), *CONF.glob("*.*")]
    shipped = {".py", ".typed", ".sql", ".clickhouse", ".md", ".yaml"}
    assert {path.relative_to(ROOT).as_posix() for path in wanted if path.suffix in shipped} <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "common",
        "conf",
        "orderbooks_ws_recorder",
        "procs",
    }
    document = Parser().parsestr(metadata)
    assert set(document.get_all("Provides-Extra", [])) == {"benchmark", "dev", "examples", "parquet"}
    for field in (
        "Summary",
        "License",
        "Keywords",
        "Project-URL",
        "Classifier",
        "Requires-Python",
    ):
        assert document.get_all(field), field
    assert all(
        re.search(r" https://(docs\.)?polymarket\.com$", url) for url in document.get_all("Project-URL", [])
    )


def test_every_dependency_is_pinned() -> None:
    options, extras = setup_cfg()["options"], setup_cfg()["options.extras_require"]
    lines = words((CONF / "constraints.txt").read_text())
    pinned = {plain(line.partition("==")[0]) for line in lines if not line.startswith("#")}
    wanted = [options["install_requires"], *extras.values()]
    assert {plain(re.split("[<>=]", each)[0]) for listed in wanted for each in words(listed)} <= pinned


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
