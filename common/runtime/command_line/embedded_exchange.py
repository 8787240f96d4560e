"""The embedded exchange as a child process, for the commands that run against it and for tests."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from common.errors import RecorderError
from common.files import replace
from common.simulation.faults.catalogue import fault_from, send_fault
from common.simulation.options import ExchangeUrls, SimulationOptions

ROOT = Path(__file__).resolve().parents[3]
START_LIMIT_S = 60.0  # on a machine that is busy with other things
STOP_LIMIT_S = 10.0
POLL_S = 0.02


class EmbeddedExchange:
    """A running embedded exchange: starts on entry, ends on exit; `folder` keeps its files."""

    def __init__(self, options: SimulationOptions, folder: Path) -> None:
        self._options = options
        self._ready = folder / "exchange_ready.json"
        self._given = folder / "exchange_options.json"
        self._log = folder / "exchange.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._urls: ExchangeUrls | None = None

    @property
    def urls(self) -> ExchangeUrls:
        """Where it answers; known after entry."""
        assert self._urls is not None, "the exchange is not running"
        return self._urls

    def fault(self, name: str, **values: str | float | bool) -> None:
        """Switch a fault on (see common.simulation.faults.catalogue). Raises ConfigError or ExchangeError."""
        send_fault(self.urls.clob_url, fault_from({"name": name, **values}))

    def __enter__(self) -> Self:
        self._given.parent.mkdir(parents=True, exist_ok=True)
        self._ready.unlink(missing_ok=True)
        replace(self._given, msgspec.json.encode(self._options))
        command = [sys.executable, "-P", "-m", "procs.simulated_exchange"]
        command += ["--ends-with", str(os.getpid())]
        command += ["--options", str(self._given.absolute()), "--ready", str(self._ready.absolute())]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=log, env=environment, start_new_session=True
            )
        try:
            self._urls = self._wait_until_ready(self._process)
        except BaseException:
            self._stop(self._process)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._stop(self._process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> ExchangeUrls:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if self._ready.exists():
                return msgspec.json.decode(self._ready.read_bytes(), type=ExchangeUrls)
            if process.poll() is not None:
                said = self._log.read_text(errors="replace").strip()
                raise RecorderError(f"the embedded exchange ended with {process.returncode}: {said}")
            time.sleep(POLL_S)
        raise RecorderError(f"the embedded exchange was not ready after {START_LIMIT_S:g} s; see {self._log}")

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
