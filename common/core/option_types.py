"""Types of options for argparse, whose errors say what is taken and what was typed."""

import argparse
import math
import re
from collections.abc import Callable

from common.core.durations import seconds_of
from common.core.instants import parse_utc_ns

_INTEGER = re.compile(r"[+-]?\d+")


def integer(text: str) -> int:
    """Any whole number: the bounds are those of the setting that it replaces."""
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from error


def whole_number(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    """A whole number from `lowest` to `highest`."""
    taken = f"from {lowest} to {highest}" if highest is not None else f"of at least {lowest}"

    def bounded(text: str) -> int:
        value = int(text) if _INTEGER.fullmatch(text) else lowest - 1
        if value < lowest or (highest is not None and value > highest):
            raise argparse.ArgumentTypeError(f"must be a whole number {taken}, not {text!r}")
        return value

    return bounded


def above_zero(text: str) -> float:
    """A number above 0, as a rate."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return value


def number_within(lowest: float, highest: float) -> Callable[[str], float]:
    """A number from `lowest` to `highest`."""

    def bounded(text: str) -> float:
        value = _number(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"must be a number from {lowest:g} to {highest:g}, not {text!r}")
        return value

    return bounded


def seconds(text: str) -> float:
    """Seconds, also as `90s`, `10m`, `1h` or `2d`: the bounds are those of the setting that it replaces."""
    value = seconds_of(text)
    if value is None:
        value = _number(text)
    if math.isnan(value):
        raise argparse.ArgumentTypeError(f"must be a duration such as 90, 10m or 1h, not {text!r}")
    return value


def duration(lowest_s: float = 0.0, highest_s: float = math.inf) -> Callable[[str], float]:
    """The same within bounds: above `lowest_s` where that is 0, else from it on."""
    bounds = f"from {lowest_s:g} to {highest_s:g} seconds" if lowest_s else "above 0"

    def bounded(text: str) -> float:
        value = seconds(text)
        if not lowest_s <= value <= highest_s or not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(
                f"must be a duration such as 90, 10m or 1h {bounds}, not {text!r}"
            )
        return value

    return bounded


def whole_seconds(text: str) -> int:
    """A duration without a fraction of a second: the bounds are those of what it sets."""
    value = seconds(text)
    if not value.is_integer():
        raise argparse.ArgumentTypeError(f"must be a whole number of seconds, not {text!r}")
    return int(value)


def number(text: str) -> float:
    """Any number: the bounds are those of what it sets."""
    value = _number(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}")
    return value


def instant_ns(text: str) -> int:
    """A time in UTC, in nanoseconds since 1970."""
    try:
        return parse_utc_ns(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be a time such as 2026-11-23T12:00:00Z, not {text!r}"
        ) from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
