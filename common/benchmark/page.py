"""What open pages cost a recorder: its processor time while nobody looks, and with tabs open, in one run."""

import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import msgspec
import requests

from common.benchmark.recorder import Recorder
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions

TABS = 10
RATE = 310.0  # frames a second, as the Bitcoin markets send
LADDER_EVERY_S, LIST_EVERY_S, OVERVIEW_EVERY_S = 1.0, 5.0, 4.0  # as the page's scripts ask
SETTLE_S = 5.0
LIMIT_S = 30.0


class PageCost(msgspec.Struct, frozen=True):
    """Parts of one core by kind of process, while nobody looked and while `tabs` were open for `seconds` each."""

    tabs: int
    seconds: float
    alone: Mapping[str, float]
    looked_at: Mapping[str, float]

    @property
    def ratio(self) -> float:
        """All processes together, looked at, to the same alone."""
        return sum(self.looked_at.values()) / max(sum(self.alone.values()), 1e-9)


def measure_page(folder: Path, *, seconds: float, tabs: int = TABS) -> PageCost:
    """Record the embedded exchange, and open tabs that show a live ladder and the list of markets half-way."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as name,
        EmbeddedExchange(SimulationOptions(rate=RATE), Path(name)) as exchange,
    ):
        port = _free_port()
        settings = {
            "RECORDER__EXCHANGE__CLOB_URL": exchange.urls.clob_url,
            "RECORDER__EXCHANGE__GAMMA_URL": exchange.urls.gamma_url,
            "RECORDER__EXCHANGE__DATA_URL": exchange.urls.data_url,
            "RECORDER__REFERENCE__ENABLED": "false",
            "RECORDER__RESOLUTION__ENABLED": "false",
            "RECORDER__MANIFEST__HTTP_PORT": str(port),
        }
        with Recorder(Path(name), exchange.urls.ws_url, settings=settings, writers=1) as recorder:
            recorder.wait_until_it_records()
            time.sleep(SETTLE_S)
            alone = _shares(recorder, seconds)
            with _open_tabs(f"http://127.0.0.1:{port}", tabs):
                time.sleep(SETTLE_S)
                looked_at = _shares(recorder, seconds)
            recorder.stop()
    return PageCost(tabs, seconds, alone, looked_at)


def page_report(cost: PageCost) -> Iterator[str]:
    """A table in Markdown."""
    yield f"| process | nobody looks, % of a core | {cost.tabs} tabs open, % of a core |"
    yield "|---|---|---|"
    for name in sorted(cost.looked_at):
        yield f"| {name} | {cost.alone.get(name, 0.0) * 100:.1f} | {cost.looked_at[name] * 100:.1f} |"
    alone, looked_at = sum(cost.alone.values()), sum(cost.looked_at.values())
    yield f"| all | {alone * 100:.1f} | {looked_at * 100:.1f} |"
    yield ""
    yield f"With {cost.tabs} tabs open the recorder takes {cost.ratio:.2f} times the processor time."


def _shares(recorder: Recorder, seconds: float) -> dict[str, float]:
    before, began = recorder.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    after, passed = recorder.cpu_seconds(), time.monotonic() - began
    return {name: (after[name] - before.get(name, after[name])) / passed for name in after}


@contextmanager
def _open_tabs(base: str, tabs: int) -> Iterator[None]:
    """Each follows the live stream, and asks for a ladder and the list as a page does."""
    closing = threading.Event()
    market = requests.get(f"{base}/api/markets", timeout=LIMIT_S).json()["markets"][0]
    ladder = f"{base}/api/ladder?token={market['tokens'][0]['token_id']}"
    does = (
        partial(_follow, base, closing),
        partial(_poll, ladder, LADDER_EVERY_S, closing),
        partial(_poll, f"{base}/api/markets", LIST_EVERY_S, closing),
    )
    with ExitStack() as stack:
        for _ in range(tabs):
            for target in does:
                thread = threading.Thread(target=target, daemon=True)
                thread.start()
                stack.callback(thread.join, LIMIT_S)
        stack.callback(closing.set)
        yield


def _poll(url: str, every_s: float, closing: threading.Event) -> None:
    while not closing.wait(every_s):
        requests.get(url, timeout=LIMIT_S)


def _follow(base: str, closing: threading.Event) -> None:
    """The stream; where too many are open, ask every few seconds instead, as a page does."""
    with requests.get(f"{base}/api/live", stream=True, timeout=LIMIT_S) as answer:
        for line in answer.iter_lines() if answer.ok else ():
            if line:
                json.loads(line.removeprefix(b"data: "))
            if closing.is_set():
                return
    _poll(f"{base}/api/overview", OVERVIEW_EVERY_S, closing)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
