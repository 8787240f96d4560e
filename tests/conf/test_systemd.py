import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from common.errors import EXIT_BAD_CONFIG
from common.runtime.command_line.invocation import COMMANDS
from common.runtime.supervision.stopping import STOP_LIMIT_S
from tests.conf.shipped import CONF, settings_from, setup_cfg, words

UNIT = CONF / "systemd" / "orderbooks-ws-recorder.service"


def unit() -> dict[str, list[str]]:
    """Every key of the unit with its values; section names are of no account, no key stands in two."""
    found = defaultdict(list)
    for line in UNIT.read_text().splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found[key].append(value)
    return found


def environment() -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in unit()["Environment"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    program = unit()["ExecStart"][0].split()[0]
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace(f"ExecStart={program}", f"ExecStart={sys.executable}"))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(here)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_its_environment_holds_known_settings_and_names_the_folders_that_systemd_makes() -> None:
    paths = settings_from(environment()).paths
    assert paths.data_root == "/var/lib/" + unit()["StateDirectory"][0]
    assert paths.run_dir == "/run/" + unit()["RuntimeDirectory"][0]


def test_the_spool_is_private_and_survives_a_restart() -> None:
    assert unit()["RuntimeDirectoryMode"] == ["0700"]
    assert unit()["RuntimeDirectoryPreserve"] == ["yes"]


def test_it_restarts_for_ever_unless_the_configuration_is_refused() -> None:
    assert unit()["Restart"] == ["always"]
    assert unit()["StartLimitIntervalSec"] == ["0"]
    assert 1 <= int(unit()["RestartSec"][0]) <= 30
    assert unit()["RestartPreventExitStatus"] == [str(EXIT_BAD_CONFIG)]


def test_the_supervisor_has_the_time_to_drain_before_everything_is_killed() -> None:
    assert unit()["KillMode"] == ["mixed"]
    assert int(unit()["TimeoutStopSec"][0]) > sum(STOP_LIMIT_S.values()) + 5


def test_systemd_waits_until_it_records_and_replaces_a_supervisor_that_hangs() -> None:
    assert unit()["Type"] == ["notify"]
    assert unit()["NotifyAccess"] == ["main"], "its processes do not speak for it"
    assert int(unit()["TimeoutStartSec"][0]) > 90, "Gamma may hang at the start"
    assert 30 <= int(unit()["WatchdogSec"][0]) <= 120


def test_it_runs_hardened_and_not_as_root() -> None:
    assert unit()["User"] == ["orderbooks"]
    for key in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictSUIDSGID"):
        assert unit()[key] == ["yes"], key
    assert unit()["ProtectSystem"] == ["strict"]
    assert unit()["CapabilityBoundingSet"] == [""]
    sysusers = (CONF / "systemd" / "orderbooks.sysusers.conf").read_text()
    assert re.search(r"^u orderbooks ", sysusers, re.MULTILINE)


def test_the_program_is_a_command_that_an_installation_has() -> None:
    program, command = unit()["ExecStart"][0].split()[:2]
    commands = words(setup_cfg()["options.entry_points"]["console_scripts"])
    assert program.rpartition("/")[2] in [each.split(" = ")[0] for each in commands]
    assert command in COMMANDS


def test_the_files_that_its_instructions_copy_are_shipped() -> None:
    for path in re.findall(r"conf/[\w./-]+", UNIT.read_text()):
        assert (CONF.parent / path).is_file(), path
