"""Whose clock is wrong: ours, or the one in Gamma's answers."""

from collections.abc import Sequence
from statistics import median_low

import msgspec

from common.core.instants import NS_PER_SECOND

TOLERANCE_NS = 60 * NS_PER_SECOND


class Sighting(msgspec.Struct, frozen=True):
    """One answer's time by the exchange and by this machine, both in nanoseconds since the epoch."""

    exchange_ns: int
    here_ns: int

    @property
    def offset_ns(self) -> int:
        """How far this machine is ahead."""
        return self.here_ns - self.exchange_ns


class Judgement(msgspec.Struct, frozen=True):
    """`offset_ns`: how far this machine is ahead, None where it is not known; the instants that it may be now.

    `is_certain` says that our clock is off by more than the tolerance, and that two witnesses agree on it. Even then
    both instants count, the exchange's first: a proxy may have dated both answers, and a few windows cost little.
    """

    offset_ns: int | None
    nows: tuple[int, ...]
    is_certain: bool = False
    warning: str = ""


def offset_of(sightings: Sequence[Sighting]) -> int | None:
    """The middle one of the offsets: one wrong date among many changes nothing. None without a date."""
    return median_low(sighting.offset_ns for sighting in sightings) if sightings else None


def judge_clock(
    now_ns: int, gamma: Sequence[Sighting], other: Sequence[Sighting], newest_update_ns: int = 0
) -> Judgement:
    """`gamma` are dates of Gamma's answers, `other` of another host's, which decides when Gamma contradicts us.

    `newest_update_ns` is the latest instant at which the exchange says that something happened: our clock cannot
    rightly be before it.
    """
    offset = offset_of(gamma)
    if offset is None or abs(offset) <= TOLERANCE_NS:
        return Judgement(offset, (now_ns,))
    theirs = now_ns - offset
    witness = offset_of(other)
    if witness is not None and abs(witness) <= TOLERANCE_NS:
        words = (
            f"Gamma's clock, or a cache, is {_seconds(-offset)} off; another host agrees with this machine's"
        )
        return Judgement(witness, (now_ns,), warning=words)
    agrees = witness is not None and abs(witness - offset) <= TOLERANCE_NS
    if agrees or newest_update_ns > now_ns + TOLERANCE_NS:
        words = f"this machine's clock is {_seconds(offset)} off; took the exchange's instead"
        return Judgement(offset, (theirs, now_ns), is_certain=True, warning=words)
    words = f"this machine's clock and Gamma's differ by {_seconds(offset)}, and nothing decides: took both"
    return Judgement(None, (now_ns, theirs), warning=words)


def _seconds(offset_ns: int) -> str:
    return f"{offset_ns // NS_PER_SECOND} s"
