"""A running recorder as the end-to-end tests see it: through its run manifest, its archives and its log."""

import base64
import gzip
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from common.archive.read import closed_archives
from common.errors import ExchangeError
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import ExchangeUrls, SimulationOptions
from tests.end_to_end.running import exchange_environment, started_command
from tests.waiting import wait_for

LATEST = "manifests/polymarket_ws_recorder_latest.json"


def settings(urls: ExchangeUrls) -> dict[str, str]:
    return {
        **exchange_environment(urls),
        "RECORDER__MANIFEST__WRITE_INTERVAL_SECONDS": "0.2",
        "RECORDER__WRITER__COMMIT_INTERVAL_SECONDS": "0.2",
        "RECORDER__REST_CHECKPOINT__INTERVAL_SECONDS": "0.3",
        "RECORDER__WEBSOCKET__RECONNECT_INITIAL_DELAY_SECONDS": "0.1",
    }


class Recorder:
    """A running recorder, seen through its run manifest."""

    def __init__(self, process: "subprocess.Popen[str]", data_root: Path) -> None:
        self.process = process
        self._path = data_root / LATEST

    @property
    def manifest(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._path.read_bytes()) if self._path.exists() else {}
        return document

    def counter(self, name: str) -> int:
        return int(self.manifest.get("counters", {}).get(name, 0))

    def has_come_to(self, state: str) -> bool:
        """Whether it says so, and, where it receives, has rows on disk."""
        durable = self.counter("rows_written_total") > 0
        return self.manifest.get("state") == state and (durable or state != "RUNNING_RECEIVING")

    def pids(self) -> dict[str, int]:
        """The live processes but the supervisor, by name."""
        return {each["name"]: each["pid"] for each in self.manifest.get("processes", []) if each["pid"]}

    def wait_for_more(self, counter: str = "rows_written_total", *, than: int | None = None) -> None:
        before = self.counter(counter) if than is None else than
        wait_for(lambda: self.counter(counter) > before, what=f"{counter} above {before}")

    def kill(self, name: str) -> None:
        """SIGKILL, then wait until the supervisor has started its successor."""
        pid = wait_for(lambda: self.pids().get(name, 0), what=f"{name} to run")
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: self.pids().get(name, pid) != pid, what=f"a successor of {name}")

    def stop(self) -> str:
        """SIGTERM; the log of the whole run."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> str:
        """Wait until every process has let go of the log, and give it."""
        return self.process.communicate(timeout=120)[1]


@contextmanager
def exchange_beside(folder: Path, options: SimulationOptions) -> Iterator[EmbeddedExchange]:
    """An exchange that outlives the recorder. It has tests of its own: here its process is not measured."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
            exchange = stack.enter_context(EmbeddedExchange(options, folder / "exchange"))
        yield exchange


def break_connection(exchange: EmbeddedExchange, name: str, **values: str | int) -> None:
    """Do to the open connection what `name` says, as soon as one is open: sessions end, and begin again."""
    wait_for(lambda: _done(exchange, name, **values), what=f"a connection to {name}")


def send_until_counted(running: "Recorder", exchange: EmbeddedExchange, counter: str, payload: bytes) -> None:
    """Send a frame, again if need be: a connection that ends takes what was under way with it."""
    frame = base64.b64encode(payload).decode()
    wait_for(
        lambda: (
            running.counter(counter) or (_done(exchange, "raw", payload=frame) and running.counter(counter))
        ),
        what=f"{payload!r} to be counted",
    )


def _done(exchange: EmbeddedExchange, name: str, **values: str | int) -> bool:
    try:
        exchange.fault(name, **values)
    except ExchangeError:
        return False  # no connection is open right now
    return True


@contextmanager
def recorder(
    folder: Path,
    exchange: EmbeddedExchange,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    state: str = "RUNNING_RECEIVING",
) -> Iterator[Recorder]:
    """A recorder on the data root `d` that has come to a state; to receive, it has made rows durable too."""
    (folder / "d" / LATEST).unlink(missing_ok=True)  # an earlier run's
    with started_command(
        "run_recorder",
        "--data-root",
        "d",
        *arguments,
        folder=folder,
        environment={**settings(exchange.urls), **(environment or {})},
    ) as process:
        running = Recorder(process, folder / "d")
        wait_for(
            lambda: process.poll() is not None or running.has_come_to(state),
            what=f"the recorder to come to {state}",
        )
        assert process.poll() is None, process.communicate()[1]
        yield running


def rows(folder: Path, stream: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in closed_archives(folder / "d"):
        if f"_{stream}_" in path.name:
            found += [json.loads(line) for line in gzip.decompress(path.read_bytes()).split(b"\n")[:-1]]
    return found


def messages(folder: Path) -> list[dict[str, Any]]:
    return [row for row in rows(folder, "ws_raw") if row["record_type"] == "message"]


def assert_whole(folder: Path) -> None:
    """Every producer's messages are numbered 1, 2, 3, ... without a hole or a double; nothing is left open."""
    numbers: dict[str, list[int]] = {}
    for row in messages(folder):
        numbers.setdefault(row["producer"], []).append(row["global_message_sequence"])
    for producer, given in numbers.items():
        assert sorted(given) == list(range(1, len(given) + 1)), producer
    assert not list((folder / "d").rglob(".*.open"))
    assert not list((folder / "d").rglob("*.damaged"))


def lose_a_change(running: Recorder, exchange: EmbeddedExchange) -> str:
    """The first market's first token, of which a change is lost on the way, and the auditor has found out.

    The loss lasts until the next whole book, which tells it too. Only an auditor that itself missed messages
    meanwhile cannot know: on a machine that is so slow, another one is lost.
    """
    token = str(running.manifest["markets"][0]["tokens"][0]["token_id"])
    checked = 0

    def found() -> int:
        nonlocal checked
        done = running.counter("book_checks_total")
        if done >= checked:
            checked = done + 200
            exchange.fault("drop_change", token=token)
        return running.counter("divergences_total")

    wait_for(found, what="a divergence", timeout_s=120)
    return token
