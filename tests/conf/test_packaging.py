import importlib
import re

import pytest

from tests.conf.shipped import CONF, ROOT, setup_cfg, words

COMMANDS = words(setup_cfg()["options.entry_points"]["console_scripts"])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.partition(" ")[0]))
def test_every_installed_command_starts_and_has_its_script_in_bin(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, module, function = re.split(" = |:", command)
    with pytest.raises(SystemExit) as ended:
        getattr(importlib.import_module(module), function)(["--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {name} ")
    assert f"run_module {module} " in (ROOT / "bin" / name).read_text()


def test_every_script_of_a_command_in_bin_is_installed() -> None:
    scripts = {path.name for path in (ROOT / "bin").iterdir() if "\nrun_module " in path.read_text()}
    assert scripts - {"run-tests"} == {command.partition(" ")[0] for command in COMMANDS}


def test_every_dependency_is_pinned() -> None:
    options, extras = setup_cfg()["options"], setup_cfg()["options.extras_require"]
    lines = words((CONF / "constraints.txt").read_text())
    pinned = {plain(line.partition("==")[0]) for line in lines if not line.startswith("#")}
    wanted = [options["install_requires"], *extras.values()]
    assert {plain(re.split("[<>=]", each)[0]) for listed in wanted for each in words(listed)} <= pinned


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
