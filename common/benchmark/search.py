"""Looks for the highest rate that is sustained: raised until a backlog grows, then held for longer."""

from collections.abc import Callable

import msgspec

COMMIT_S = 1.0  # the default commit interval: what was received last is durable so much later at most
GRACE_S = 0.35  # on top, for the commit itself and for what a busy machine does in between
LATE_S = 0.1  # of load that the socket may owe in the end


class Held(msgspec.Struct, frozen=True):
    """What came of offering `rate` messages a second for `seconds`.

    `late` were due, but not taken; the last one sent was durable `drain_s` after it had been sent.
    """

    rate: float
    seconds: float
    messages: int
    late: int
    drain_s: float

    @property
    def sustained(self) -> bool:
        """Whether nothing piled up: neither before the reader nor after it."""
        return self.late <= self.rate * LATE_S and self.drain_s <= COMMIT_S + GRACE_S

    @property
    def capacity(self) -> float:
        """Messages a second that became durable while there was work, for an offer that was too much."""
        return self.messages / (self.seconds + max(0.0, self.drain_s - COMMIT_S / 2))


class Pace(msgspec.Struct, frozen=True):
    """How long to look: seconds of each step up, seconds of each hold, and how many holds at most."""

    step_s: float
    hold_s: float
    holds: int


Offer = Callable[[float, float], Held]


def find_sustained(offer: Offer, first_rate: float, pace: Pace) -> Held | None:
    """The best hold that was sustained; None where even the lowest that was tried was not.

    `offer` sends at a rate for so many seconds and waits until all of it is durable.
    """
    rate = _too_much(offer, first_rate, pace) * 0.95
    best: Held | None = None
    for _ in range(pace.holds):
        held = offer(rate, pace.hold_s)
        if held.sustained:
            best = held
            rate *= 1.1
        elif best is not None:
            break
        else:
            rate = min(rate * 0.9, held.capacity * 0.97)
    return best


def _too_much(offer: Offer, rate: float, pace: Pace) -> float:
    """The capacity that shows in the first step that is not sustained."""
    while (held := offer(rate, pace.step_s)).sustained:
        rate *= 1.6
    return min(rate, held.capacity)
