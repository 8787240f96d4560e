"""The supervisor that stood still itself blames nobody."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.config import ExchangeSettings, ManifestSettings, PathSettings, Settings, WebsocketSettings
from common.runtime.clock import Clock
from common.runtime.run.facts import read_facts
from procs.supervisor import Supervisor
from tests.waiting import wait_for

SECOND = 1_000_000_000
NOWHERE = "127.0.0.1:9"


class Time:
    """The real one, and what was slept in addition."""

    def __init__(self) -> None:
        self.slept_ns = 0

    def now_ns(self) -> int:
        return time.monotonic_ns() + self.slept_ns


@pytest.fixture
def told_time() -> Time:
    return Time()


@pytest.fixture
def supervisor(tmp_path: Path, told_time: Time) -> Iterator[Supervisor]:
    settings = Settings(
        exchange=ExchangeSettings(f"ws://{NOWHERE}/ws", f"http://{NOWHERE}", f"http://{NOWHERE}"),
        websocket=WebsocketSettings(legs=1),
        manifest=ManifestSettings(http_port=0),
        paths=PathSettings(data_root=str(tmp_path / "d")),
    )
    supervisor = Supervisor(settings, sample=True, clock=Clock(monotonic_ns=told_time.now_ns))
    supervisor.claim("simulated")
    supervisor.begin()
    try:
        yield supervisor
    finally:
        supervisor.hurry()
        while supervisor.step(0.01):
            pass
        supervisor.close()


def pids(supervisor: Supervisor) -> dict[str, int]:
    return {name: facts.pid for name, facts in read_facts(supervisor.run_dir).items()}


def stuck(supervisor: Supervisor) -> int:
    return read_facts(supervisor.run_dir)["supervisor"].counters.get("stuck_processes_total", 0)


def step_until_all_run(supervisor: Supervisor) -> None:
    def all_run() -> bool:
        supervisor.step(0.01)
        return supervisor.all_run()

    wait_for(all_run, what="all processes")


def test_after_a_standstill_of_all_nobody_is_taken_for_stuck_and_watching_goes_on(
    supervisor: Supervisor, told_time: Time
) -> None:
    step_until_all_run(supervisor)
    before = pids(supervisor)
    for standstill_s in (25, 45):
        told_time.slept_ns += standstill_s * SECOND
        woken = time.monotonic()
        while time.monotonic() - woken < 0.8:  # more than one look at the heartbeats
            supervisor.step(0.01)
        assert pids(supervisor) == before
    facts = read_facts(supervisor.run_dir)["supervisor"]
    assert (facts.counters["pauses_total"], stuck(supervisor)) == (2, 0)
    for _ in range(18):  # the others stay silent by this clock: now it runs, and they are to blame
        told_time.slept_ns += 4 * SECOND
        supervisor.step(0.01)
    wait_for(lambda: supervisor.step(0.01) and stuck(supervisor) > 0, what="the watch over heartbeats")
