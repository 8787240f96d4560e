"""What is played, and how fast."""

from pathlib import Path

import msgspec

from common.core.instants import NS_PER_SECOND
from common.core.rows.origin import LegChoice

LOOK_BACK_NS = 1800 * NS_PER_SECOND  # read before a start in mid-recording, so that its books are known


class Playback(msgspec.Struct, frozen=True):
    """The recording, a stretch of it by receive time (ns since 1970, the end excluded), and the markets to play.

    `speed` divides the distances between messages; None plays as fast as the slowest client takes it. `names` are
    slugs, condition ids and token ids of markets; none of them means all.
    """

    paths: tuple[Path, ...]
    leg: LegChoice = "merged"
    clock_error_ms: float | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    speed: float | None = 1.0
    names: frozenset[str] = frozenset()
