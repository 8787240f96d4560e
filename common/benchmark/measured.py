"""What one contestant did once, and what several such runs come to."""

import statistics
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

Way = Literal["naive", "best", "floor", "recorder"]
WAYS: tuple[Way, ...] = ("naive", "best", "floor", "recorder")


class Latency(msgspec.Struct, frozen=True):
    """From receipt to the commit that made it durable, in milliseconds, over the messages of one rate."""

    rate: float
    messages: int
    p50_ms: float
    p99_ms: float
    longest_ms: float


class Setup(msgspec.Struct, frozen=True, order=True):
    """What was measured. `writers` is 0 for what has none."""

    tokens: int
    way: Way
    writers: int = 0
    tls: bool = False

    @property
    def words(self) -> str:
        """As a row of the table names it."""
        writers = f", {self.writers} writer{'s' if self.writers > 1 else ''}" if self.writers else ""
        return f"{self.way}{writers}{', TLS' if self.tls else ''}"


class Measured(msgspec.Struct, frozen=True):
    """One run. It counts only where `wrongs` is empty: every frame that was sent is in the files, in order.

    `messages` were sent in all; `rate` is messages a second over the stretch that was measured, `cpu_us` the CPU
    time of all processes for each message of it, `cpu_us_by_process` its parts; `memory_mib` is their memory with
    what they share counted once.
    """

    setup: Setup
    messages: int
    rate: float
    cpu_us: float
    cpu_us_by_process: dict[str, float]
    bytes_a_message: float
    memory_mib: float
    latencies: tuple[Latency, ...] = ()
    wrongs: tuple[str, ...] = ()


class Spread(msgspec.Struct, frozen=True):
    """Median and range of one figure over the runs that count."""

    median: float
    lowest: float
    highest: float


def spread(runs: Sequence[Measured], figure: Callable[[Measured], float]) -> Spread | None:
    """None where no run counts."""
    values = [figure(run) for run in runs if not run.wrongs]
    return Spread(statistics.median(values), min(values), max(values)) if values else None


def by_setup(runs: Sequence[Measured]) -> dict[Setup, list[Measured]]:
    """The runs of each setup, by tokens, then in the order of WAYS."""
    grouped: dict[Setup, list[Measured]] = {}
    for run in sorted(runs, key=lambda run: _rank(run.setup)):
        grouped.setdefault(run.setup, []).append(run)
    return grouped


def _rank(setup: Setup) -> tuple[int, bool, int, int]:
    return setup.tokens, setup.tls, WAYS.index(setup.way), setup.writers
