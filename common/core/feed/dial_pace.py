"""When the next dial of a host may begin: a token bucket that a refusal with HTTP 429 makes slower for a while."""

import msgspec
from msgspec.structs import replace

NS = 1_000_000_000
DIALS_A_SECOND = 5  # of a host, over all its legs
BURST = 5  # dials at once, over all its legs
SLOWEST_NS = 10 * NS  # between two dials, however many were refused
RECOVERY_NS = 60 * NS  # without a refusal, after which the pace doubles again
_LONGEST_QUEUE_NS = 600 * NS


class Pace(msgspec.Struct, frozen=True):
    """The bucket: when it is full again, the time between two dials, and when that was changed last (monotonic)."""

    full_ns: int = 0
    interval_ns: int = NS // DIALS_A_SECOND
    changed_ns: int = 0


def usual_interval_ns(legs: int) -> int:
    """Each leg has a bucket of its own and an equal part of the pace, so that none can slow another."""
    return NS * legs // DIALS_A_SECOND


def reserve(pace: Pace, now_ns: int, *, legs: int) -> tuple[Pace, int]:
    """The bucket after one more dial, and when that dial may begin."""
    pace = _recovered(pace, now_ns, usual_interval_ns(legs))
    full_ns = max(now_ns, pace.full_ns)
    if full_ns > now_ns + _LONGEST_QUEUE_NS:
        full_ns = now_ns  # by another boot's clock
    ahead_ns = (BURST // legs - 1) * pace.interval_ns
    return replace(pace, full_ns=full_ns + pace.interval_ns), max(now_ns, full_ns - ahead_ns)


def refused(pace: Pace, now_ns: int, *, legs: int) -> Pace:
    """The bucket after the exchange refused a dial because there were too many: half the pace, and no burst."""
    usual_ns = usual_interval_ns(legs)
    interval_ns = min(SLOWEST_NS, 2 * _recovered(pace, now_ns, usual_ns).interval_ns)
    full_ns = max(pace.full_ns, now_ns + (BURST // legs - 1) * interval_ns)
    return Pace(full_ns, interval_ns, now_ns)


def _recovered(pace: Pace, now_ns: int, usual_ns: int) -> Pace:
    interval_ns, changed_ns = pace.interval_ns, pace.changed_ns
    while interval_ns > usual_ns and now_ns - changed_ns >= RECOVERY_NS:
        interval_ns //= 2
        changed_ns += RECOVERY_NS
    if changed_ns > now_ns:
        return Pace(0, usual_ns, 0)  # by another boot's clock
    return replace(pace, interval_ns=max(usual_ns, interval_ns), changed_ns=changed_ns)
