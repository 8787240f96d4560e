"""Starts the project's commands as processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TextIO

import pytest

import procs
from common.archive.read import closed_archives
from common.archive.recorded import payloads_by_cf_ray
from common.drill.settings import LISTED_SERIES
from common.simulation.options import ExchangeUrls
from common.simulation.oracle import compare

ROOT = Path(procs.__file__).parent.parent
TIMEOUT_S = 600


OURS = {
    "RECORDER__MANIFEST__HTTP_PORT": "0",
    "RECORDER__WEBSOCKET__LEGS": "1",
    "RECORDER__RESOLUTION__ENABLED": "false",  # a process more: it has tests of its own
    "RECORDER__DISCOVERY__SERIES": LISTED_SERIES,
    "RECORDER__REFERENCE__ENABLED": "false",  # two processes more; the tests of their own switch them on
}


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **OURS, **(more or {})}


def run_command(
    name: str, *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in `folder`, where relative paths of its settings fall."""
    return subprocess.run(
        [sys.executable, "-P", "-m", f"procs.commands.{name}", *arguments],
        cwd=folder,
        env=_environment(environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def run_here(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The same without a process of its own, which costs more than most commands: for one that only reads or asks."""
    main: Callable[[Sequence[str]], int] = import_module(f"procs.commands.{name}").main
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        for key, value in OURS.items():
            patch.setenv(key, value)
        try:
            code = main(arguments)
        except SystemExit as refused:  # by the parser of options
            code = int(refused.code or 0)
    return subprocess.CompletedProcess([name, *arguments], code, out.getvalue(), err.getvalue())


@contextmanager
def started_command(
    name: str,
    *arguments: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    log: TextIO | None = None,
) -> Iterator["subprocess.Popen[str]"]:
    """A running command, killed if it is left over in the end. Its output goes to pipes, its log to `log`."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", f"procs.commands.{name}", *arguments],
        cwd=folder,
        env=_environment(environment),
        stdout=log or subprocess.PIPE,
        stderr=log or subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def exchange_environment(urls: ExchangeUrls) -> dict[str, str]:
    """The settings that point a recorder at an exchange of the test's own."""
    return {
        "RECORDER__EXCHANGE__WS_URL": urls.ws_url,
        "RECORDER__EXCHANGE__CLOB_URL": urls.clob_url,
        "RECORDER__EXCHANGE__GAMMA_URL": urls.gamma_url,
        "RECORDER__EXCHANGE__DATA_URL": urls.data_url,
        "RECORDER__REFERENCE__RTDS_URL": urls.rtds_url,
        "RECORDER__REFERENCE__BINANCE_URL": urls.binance_url,
    }


def websocket_archives(data_root: Path) -> list[Path]:
    return [path for path in closed_archives(data_root) if "_ws_raw_" in path.name]


def oracle_findings(oracle: Path, data_root: Path) -> list[str]:
    """What the exchange's own account and the recording disagree on."""
    return compare(oracle, payloads_by_cf_ray(websocket_archives(data_root)))


def frames_sent(oracle: Path) -> int:
    return sum(path.read_bytes().count(b'"sent_at_ns"') for path in oracle.glob("connection-*.jsonl"))
