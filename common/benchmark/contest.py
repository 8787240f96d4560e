"""Runs one contestant once: started, loaded, stopped, and its files read back."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import psutil

from common.archive.read import closed_archives
from common.benchmark.durable import latency, read_back
from common.benchmark.frames import Load, save_load
from common.benchmark.generator import Sent
from common.benchmark.measured import Measured, Setup
from common.benchmark.proof import prove_loop, prove_recorder, verifying
from common.benchmark.recorder import CHECKOUT, MIB, Recorder
from common.benchmark.search import Held, Pace, find_sustained
from common.benchmark.sending import Sending
from common.core.market import Token
from common.core.rows.names import WS_RAW
from common.errors import RecorderError

NS = 1e9
US = 1e6
SETTLE_S = 0.5


class Plan(msgspec.Struct, frozen=True):
    """How long each thing is looked at, in seconds, and at which rates latency is measured."""

    pace: Pace
    loop_s: float
    latency_rates: tuple[float, ...]
    latency_s: float
    first_rate: float


class Field(msgspec.Struct, frozen=True):
    """What the contestants of one number of tokens have in common."""

    tokens: Sequence[Token]
    load: Load
    settings: Mapping[str, str]
    certificate: Path | None = None
    authority: Path | None = None


def run_once(setup: Setup, field: Field, plan: Plan, base: Path | None) -> Measured:
    """Measure. A run that breaks off is one that does not count."""
    try:
        return _run(setup, field, plan, base)
    except RecorderError as error:
        return Measured(setup, 0, 0.0, 0.0, {}, 0.0, 0.0, wrongs=(str(error),))


def _run(setup: Setup, field: Field, plan: Plan, base: Path | None) -> Measured:
    with tempfile.TemporaryDirectory(prefix="orderbooks-benchmark-", dir=base) as name:
        folder = Path(name)
        save_load(folder / "load", field.load)
        if setup.way == "recorder":
            return _run_recorder(setup, field, plan, folder)
        return _run_loop(setup, field, plan, folder)


def _trusting(field: Field, setup: Setup) -> dict[str, str]:
    trusted = setup.tls and field.authority is not None
    return {"WEBSOCKET_CLIENT_CA_BUNDLE": str(field.authority)} if trusted else {}


# A loop takes as much as it can: the socket holds the generator back.


def _run_loop(setup: Setup, field: Field, plan: Plan, folder: Path) -> Measured:
    (folder / "tokens.json").write_bytes(msgspec.json.encode(field.tokens))
    out = folder / "rows.jsonl.gz"
    command = [sys.executable, "-P", "-m", "common.benchmark.one_loop", setup.way]
    with Sending(folder / "load", certificate=field.certificate if setup.tls else None) as sending:
        command += ["--url", sending.url, "--tokens", str(folder / "tokens.json"), "--out", str(out)]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), **_trusting(field, setup)}
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
        sending.wait_for_subscription()
        time.sleep(SETTLE_S)
        before, began = psutil.Process(process.pid).cpu_times(), time.monotonic()
        sent = sending.send(0, plan.loop_s)
        memory = psutil.Process(process.pid).memory_full_info().pss / MIB
        sending.hang_up()
        used = _wait(process)
        took = time.monotonic() - began
    cpu_us = (used - before.user - before.system) / sent.messages * US
    wrongs = prove_loop(setup.way, out, sending.sent, field.load)
    return Measured(
        setup=setup,
        messages=sending.sent,
        rate=sent.messages / took,
        cpu_us=cpu_us,
        cpu_us_by_process={setup.way: cpu_us},
        bytes_a_message=out.stat().st_size / sending.sent,
        memory_mib=memory,
        wrongs=tuple(wrongs),
    )


def _wait(process: "subprocess.Popen[bytes]") -> float:
    """The CPU seconds of a child from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# The recorder never holds the exchange back: the rate it sustains has to be looked for.


class _Trial:
    """A recorder under load. `offers` remembers what was offered, with the CPU that each offer cost."""

    def __init__(self, recorder: Recorder, sending: Sending) -> None:
        self._recorder, self._sending = recorder, sending
        self.costs: dict[Held, dict[str, float]] = {}
        self.at_rates: list[tuple[float, Sent]] = []

    def offer(self, rate: float, seconds: float) -> Held:
        before = self._recorder.cpu_seconds()
        sent = self._sending.send(rate, seconds)
        durable_ns = self._recorder.wait_until_drained(self._sending.sent)
        after = self._recorder.cpu_seconds()
        held = Held(
            rate=rate,
            seconds=(sent.ended_monotonic_ns - sent.began_monotonic_ns) / NS,
            messages=sent.messages,
            late=sent.late,
            drain_s=max(0.0, (durable_ns - sent.ended_monotonic_ns) / NS),
        )
        self.costs[held] = {name: after[name] - before.get(name, 0.0) for name in after}
        self.at_rates.append((rate, sent))
        return held


def _run_recorder(setup: Setup, field: Field, plan: Plan, folder: Path) -> Measured:
    settings = {**field.settings, **_trusting(field, setup)}
    with (
        Sending(folder / "load", certificate=field.certificate if setup.tls else None) as sending,
        Recorder(folder, sending.url, settings=settings, writers=setup.writers) as recorder,
        recorder.quoted_in_errors(),
    ):
        recorder.wait_until_it_records()
        sending.wait_for_subscription()
        trial = _Trial(recorder, sending)
        best = find_sustained(trial.offer, plan.first_rate, plan.pace)
        memory = recorder.memory_mib()
        marked = len(trial.at_rates)
        for rate in plan.latency_rates:
            trial.offer(rate, plan.latency_s)
        wrongs = recorder.stop()
        sent, root = sending.sent, recorder.data_root
        archives = [path for path in closed_archives(root) if f"_{WS_RAW}_" in path.name]
        with verifying(root) as found:
            messages = list(read_back(root, archives, recorder.watch.seen))
            wrongs += [*prove_recorder(messages, sent, field.load), *found()]
        size = sum(path.stat().st_size for path in archives)
    if best is None:
        wrongs.append("no rate that was tried was sustained")
    parts = {name: cpu / best.messages * US for name, cpu in trial.costs[best].items()} if best else {}
    measured = [
        latency(messages, rate, sent.began_monotonic_ns, sent.ended_monotonic_ns)
        for rate, sent in trial.at_rates[marked:]
    ]
    return Measured(
        setup=setup,
        messages=sending.sent,
        rate=best.messages / best.seconds if best else 0.0,
        cpu_us=sum(parts.values()),
        cpu_us_by_process=parts,
        bytes_a_message=size / sending.sent,
        memory_mib=memory,
        latencies=tuple(filter(None, measured)),
        wrongs=tuple(wrongs),
    )
