import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import ConfigError, ExchangeError
from common.runtime.command_line.command import CONF, SAMPLE_CONFIG, load, parser, run
from common.runtime.command_line.exchange_choice import add_exchange_arguments
from common.version import PROGRAM_VERSION
from tests.end_to_end.running import ROOT


def raising(error: BaseException) -> Callable[[], int]:
    def main() -> int:
        raise error

    return main


def test_an_error_for_the_user_is_one_line_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(raising(ExchangeError("clob.test answered\n500"))) == 1
    assert run(raising(ConfigError("a.yaml: no"))) == 78
    assert capsys.readouterr().err == "error: clob.test answered 500\nerror: a.yaml: no\n"


def test_an_interrupted_command_failed_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(raising(KeyboardInterrupt())) == 1
    assert capsys.readouterr().err == "error: interrupted\n"


def test_every_command_says_which_version_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("run-recorder", "drill"):
        with pytest.raises(SystemExit, match="0"):
            parser(name, "", "").parse_args(["--version"])
        assert capsys.readouterr().out == f"{name} {PROGRAM_VERSION}\n"


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run(raising(ZeroDivisionError()))


def test_a_reader_that_leaves_early_is_no_error() -> None:
    printing = "print('x' * 99) for _ in range(9999)"
    code = f"from common.runtime.command_line.command import run\nrun(lambda: [{printing}] and 0)"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=CONF.parent
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(120) == 0


def test_help_shows_the_example_and_the_common_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser("do-it", "Does it.", "bin/do-it --now").parse_args(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for text in (
        "Does it.",
        "--config PATH",
        "--data-root DIR",
        "conf/recorder.yaml",
        "example:\n  bin/do-it --now",
    ):
        assert text in shown


def test_options_beat_the_environment_which_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("discovery: {market_limit: 1, lookahead_seconds: 7}\nmanifest: {http_port: 5}\n")
    monkeypatch.setitem(os.environ, "RECORDER__DISCOVERY__MARKET_LIMIT", "2")
    monkeypatch.setitem(os.environ, "RECORDER__MANIFEST__HTTP_PORT", "6")
    given = parser("do-it", "", "").parse_args(["--config", str(config), "--data-root", "/there"])
    settings = load(
        given, {"discovery": {"market_limit": 3, "lookahead_seconds": None}, "paths": {"run_dir": "/r"}}
    )
    assert settings.discovery.market_limit == 3
    assert settings.discovery.lookahead_seconds == 7
    assert settings.manifest.http_port == 6
    assert (settings.paths.data_root, settings.paths.run_dir) == ("/there", "/r")


def test_a_variable_that_is_not_read_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(os.environ, "RECORDER_WRITER_WRITERS", "9")
    assert load(parser("do-it", "", "").parse_args([])).writer.writers == 1
    warned = "environment: RECORDER_WRITER_WRITERS is not read; did you mean RECORDER__WRITER__WRITERS?"
    assert capsys.readouterr().err == f"warning: {warned}\n"


def test_without_config_the_shipped_file_is_read() -> None:
    assert load(parser("do-it", "", "").parse_args([])).discovery.market_limit == 0
    sample = parser("do-it", "", "", default_config=SAMPLE_CONFIG).parse_args([])
    assert load(sample).discovery.market_limit == 2
    missing = parser("do-it", "", "", default_config="missing.yaml").parse_args([])
    assert load(missing).discovery.market_limit == 0


def test_a_config_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"/no/such\.yaml"):
        load(parser("do-it", "", "").parse_args(["--config", "/no/such.yaml"]))


def paths_of(*arguments: str) -> tuple[str, str]:
    command = parser("do-it", "", "")
    add_exchange_arguments(command)
    paths = load(command.parse_args(arguments)).paths
    return paths.data_root, paths.reports_root


def test_simulated_data_has_folders_of_its_own() -> None:
    assert paths_of() == ("data", "reports")
    assert paths_of("--exchange", "simulated") == ("data-simulated", "reports-simulated")


def test_a_folder_that_was_chosen_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = ("--exchange", "simulated")
    assert paths_of(*simulated, "--data-root", "mine") == ("mine", "reports")
    assert paths_of(*simulated, "--data-root", "data") == ("data", "reports")
    config = tmp_path / "mine.yaml"
    config.write_text("paths: {data_root: /var/lib/trial}\n")
    assert paths_of(*simulated, "--config", str(config)) == ("/var/lib/trial", "reports")
    config.write_text("paths: {reports_root: /srv/reports}\n")
    assert paths_of(*simulated, "--config", str(config)) == ("data-simulated", "/srv/reports")
    monkeypatch.setitem(os.environ, "RECORDER__PATHS__DATA_ROOT", "data")
    assert paths_of(*simulated) == ("data", "reports")


def test_a_locale_that_knows_only_ascii_is_borne() -> None:
    code = "from common.runtime.command_line import command\ncommand.run(lambda: print('… ● 1') or 0)\n"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stdout) == (0, b"? ? 1\n"), result.stderr
