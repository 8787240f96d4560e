"""Plays files through hftbacktest and prints the books at some instants. It knows nothing of this project.

Takes a JSON list of objects: `paths` is one `.npz`, or Tardis's `trades` and `incremental_book_L2`; `instants` are in
nanoseconds, ascending. Gives for each of both bids and asks as [price, size].
"""

import contextlib
import json
import sys
from typing import Any

import numpy as np
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.data.utils import tardis
from hftbacktest.data.validation import validate_event_order
from numba import njit

TICK = 0.0005
TICKS = 2001
Sides = list[list[list[float]]]


@njit  # type: ignore[untyped-decorator]
def sizes_at(hbt: Any, instants: Any, found: Any) -> None:  # noqa: ANN401 - compiled
    hbt.elapse(0)  # its clock begins with the first event
    for index in range(len(instants)):
        if hbt.elapse(instants[index] - hbt.current_timestamp) not in (0, 1):
            break
        depth = hbt.depth(0)
        for tick in range(found.shape[2]):
            found[index, 0, tick] = depth.bid_qty_at_tick(tick)
            found[index, 1, tick] = depth.ask_qty_at_tick(tick)


def data_of(paths: list[str]) -> Any:  # noqa: ANN401 - an array
    if paths[0].endswith(".npz"):
        data = np.load(paths[0])["data"]
    else:
        with contextlib.redirect_stdout(sys.stderr):
            data = tardis.convert(paths, buffer_size=1_000_000, ss_buffer_size=10_000)
    validate_event_order(data)
    return data


def books(paths: list[str], instants: list[int]) -> list[Sides]:
    data = data_of(paths)
    asset = (
        BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0, 0)
        .tick_size(TICK)
        .lot_size(1e-6)
    )
    hbt = HashMapMarketDepthBacktest([asset])
    found = np.zeros((len(instants), 2, TICKS))
    sizes_at(hbt, np.array(instants, dtype=np.int64), found)
    hbt.close()
    return [
        [[[round(tick * TICK, 4), side[tick]] for tick in np.nonzero(side)[0]] for side in sides]
        for sides in found
    ]


def main() -> None:
    wanted = json.load(sys.stdin)
    answer = [books(each["paths"], each["instants"]) for each in wanted]
    json.dump(answer, sys.stdout, default=float)


main()
