"""The slow case of a long recording: faults all the time, and nothing that grows for ever."""

import contextlib
import time
from pathlib import Path
from typing import Any

from common.drill.bench import START_LIMIT_S, Bench, bench
from common.drill.footprints import SETTLED_S, Footprints
from common.drill.judge import finish
from common.drill.outcome import Evidence, Plan
from common.errors import ExchangeError

WINDOW_S = 60
SAMPLES = 240
SHORTEST_SAMPLE_S = 1.0
FAULT_EVERY_S = 10.0
CALM_S = 8.0  # at the end, so that what was broken last is whole again
FAULTS: tuple[dict[str, Any], ...] = (
    {"name": "cut"},
    {"name": "cut", "mid_frame": True},
    {"name": "close", "code": 1013, "reason": "slow consumer: send buffer full"},
    {"name": "close", "code": 1000, "reason": "bye"},
    {"name": "garbage", "kind": "text"},
    {"name": "garbage", "kind": "utf8"},
    {"name": "huge", "bytes": 3_000_000},
    {"name": "handshake", "status": 429, "seconds": 2},
    {"name": "stall", "seconds": 2},
    {"name": "books", "kind": "status", "status": 429, "retry_after": 1, "seconds": 2},
    {"name": "books", "kind": "html", "seconds": 2},
    {"name": "gamma", "kind": "status", "status": 500, "seconds": 3},
    {"name": "gamma", "kind": "late", "delay_seconds": 2, "seconds": 3},
)


def soak(plan: Plan, folder: Path) -> Evidence:
    """Windows that roll every minute, a fault every few seconds, and a look at every process now and then."""
    with bench(plan, folder, window_seconds=WINDOW_S) as made:
        made.start()
        footprints = Footprints()
        faults = _trouble(made, footprints)
        made.wait_for(lambda: made.receiving() or made.ended(), "the reader to receive again", START_LIMIT_S)
        made.done.append(f"{faults} faults in {plan.duration_s:g} s, one-minute windows meanwhile")
        made.done += footprints.lines()
        if not footprints.says_memory:
            made.done.append(
                f"memory is judged from {3 * SETTLED_S / 60:g} minutes on (--duration {3 * SETTLED_S:g})"
            )
        died = [f"{name} was started again" for name, count in made.restarts.items() if count]
        return finish(made, counted=faults).with_wrongs([*died, *footprints.growing()])


def _trouble(made: Bench, footprints: Footprints) -> int:
    """Break something every few seconds until the time is over; how often."""
    began_s = time.monotonic()
    ends_s = began_s + made.plan.duration_s
    every_s = max(made.plan.duration_s / SAMPLES, SHORTEST_SAMPLE_S)
    next_sample_s, next_fault_s, faults = began_s, began_s + FAULT_EVERY_S, 0
    while (now_s := time.monotonic()) < ends_s:
        made.ended()
        if now_s >= next_sample_s:
            next_sample_s += every_s
            footprints.sample(now_s, made.pids(), made.run_dir)
        if next_fault_s <= now_s < ends_s - CALM_S:
            next_fault_s += FAULT_EVERY_S
            with contextlib.suppress(ExchangeError):  # no connection is open to be broken just now
                made.exchange.fault(**made.chance.choice(FAULTS))
                faults += 1
        time.sleep(0.2)
    return faults
