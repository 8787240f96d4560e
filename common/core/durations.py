"""Lengths of time as people write them: seconds, or a number with its unit."""

import re

_WITH_UNIT = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds_of(text: str) -> float | None:
    """The seconds of `90s`, `10m`, `1.5h` or `2d`; None for everything else, plain numbers included."""
    match = _WITH_UNIT.fullmatch(text)
    return float(match[1]) * _SECONDS[match[2]] if match else None
