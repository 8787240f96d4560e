"""What time it is, and was, for deciding about age, where this machine's clock may be years off.

A clock that jumps forward makes everything seem old, and what a machine recorded that was booted with a clock of years
ago always does. The exchange's own clock, as discovery saw it, decides against both.
"""

from pathlib import Path

import msgspec

from common.archive.sidecar import read_sidecar
from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.uploads.turns import Parcel
from common.polymarket.gamma.discovery_file import latest_discovery


def surely_past_ns(data_root: Path, wall_ns: int) -> int:
    """An instant that is over for certain: now, or when the exchange last told the time where that is earlier."""
    known = latest_discovery(data_root)
    if known is None or known.clock_offset_seconds is None:
        return wall_ns
    seen_ns = parse_utc_ns(known.discovered_at_utc) - int(known.clock_offset_seconds * NS_PER_SECOND)
    return min(wall_ns, seen_ns)


def ahead_ns(data_root: Path, parcel: Parcel) -> int:
    """By how much the clock was ahead that an archive was recorded with, negative where behind; 0 if not known."""
    try:
        offset_s = read_sidecar(data_root / parcel.path).clock_offset_seconds
    except (OSError, msgspec.DecodeError):
        return 0
    return int((offset_s or 0) * NS_PER_SECOND)
