"""Counters of which the parts are counted too: gaps by cause, ledgers by stream and condition.

A part is a counter of its own whose name has the labels after colons; a process keeps it as it keeps all others.
"""

from collections.abc import Mapping
from itertools import product
from typing import get_args

from common.core.causes import Cause
from common.core.ledger.document import Condition
from common.core.rows.names import STREAMS

GAPS = "gaps_total"
LEDGERS = "ledgers_written_total"


def part(counter: str, *labels: str) -> str:
    """`gaps_total` and `stale_feed` give `gaps_total:stale_feed`."""
    return ":".join((counter, *labels))


def is_part(name: str) -> bool:
    """Whether a counter is a part of another one."""
    return ":" in name


def gaps_by_cause(counters: Mapping[str, int]) -> dict[str, int]:
    """Every cause, 0 for what has not happened."""
    return {cause: counters.get(part(GAPS, cause), 0) for cause in get_args(Cause)}


def ledgers_by_condition(counters: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Every stream and condition, 0 for what has not happened."""
    found: dict[str, dict[str, int]] = {stream: {} for stream in STREAMS}
    for stream, condition in product(STREAMS, get_args(Condition)):
        found[stream][condition] = counters.get(part(LEDGERS, stream, condition), 0)
    return found
