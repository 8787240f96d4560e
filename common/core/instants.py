"""Times as text: UTC instants as ISO 8601 and back, by integer arithmetic, and lengths of time as people write them."""

import re
from datetime import UTC, datetime
from functools import lru_cache

NS_PER_SECOND = 1_000_000_000
_WITH_UNIT = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@lru_cache(maxsize=64)
def _second_text(epoch_second: int) -> str:
    return datetime.fromtimestamp(epoch_second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def utc_text(epoch_ns: int) -> str:
    """ISO 8601 with microseconds and `Z`: `2026-11-23T19:28:29.123456Z` (truncated, never rounded up)."""
    second, rest = divmod(epoch_ns, NS_PER_SECOND)
    return f"{_second_text(second)}.{rest // 1000:06d}Z"


def compact_utc_text(epoch_ns: int) -> str:
    """The second as it is in file names and run ids: `20261123T192829Z`."""
    return _second_text(epoch_ns // NS_PER_SECOND).replace("-", "").replace(":", "") + "Z"


def parse_utc_ns(text: str) -> int:
    """Nanoseconds since the epoch of an ISO 8601 text; without an offset it is taken as UTC.

    Accepts Gamma's `2026-07-24 00:00:16+00` too. Raises ValueError on anything else.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since_epoch.days * 86_400 + since_epoch.seconds) * NS_PER_SECOND + since_epoch.microseconds * 1000


def seconds_of(text: str) -> float | None:
    """The seconds of `90s`, `10m`, `1.5h` or `2d`; None for everything else, plain numbers included."""
    match = _WITH_UNIT.fullmatch(text)
    return float(match[1]) * _SECONDS[match[2]] if match else None
