"""When a message was sent, as the changes before and after it on its leg show, whatever time it bears itself.

A text that is sent again and again (a trade, an announcement) would else be paired with another sending of it.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from common.core.events.kinds import FRESH_KINDS
from common.core.merging.messages import LegMessage

_REPEATED_MS = 150  # a change is sent again up to 120 ms later, with its first time
_PLAUSIBLE_MS = 60_000  # a time further from the receipt says nothing
_MS_NS = 1_000_000
_ALWAYS = (0, 1 << 62)
R = TypeVar("R")
Sent = tuple[int, int]  # not before, not after, in milliseconds of the exchange


def sent_between(messages: Sequence[LegMessage[R]]) -> list[Sent]:
    """For each message the bounds of its sending. Changes are not bounded: their text bears their own time."""
    after = _nearest(messages, 0)
    before = _nearest(reversed(messages), 1 << 62)
    before.reverse()
    return [
        _ALWAYS if message.kind in FRESH_KINDS else (after[n], before[n])
        for n, message in enumerate(messages)
    ]


def may_be_one(a: Sent, b: Sent) -> bool:
    """Whether the same sending may lie between both bounds."""
    return a[0] <= b[1] + _REPEATED_MS and b[0] <= a[1] + _REPEATED_MS


def _nearest(messages: Iterable[LegMessage[R]], unknown: int) -> list[int]:
    """The time of the nearest change before each message in its session."""
    found = []
    nearest, opened_ns = unknown, None
    for message in messages:
        if message.opened_ns != opened_ns:
            nearest, opened_ns = unknown, message.opened_ns
        if message.kind in FRESH_KINDS and _plausible(message):
            nearest = message.exchange_ms
        found.append(nearest)
    return found


def _plausible(message: LegMessage[R]) -> bool:
    return abs(message.at_ns // _MS_NS - message.exchange_ms) <= _PLAUSIBLE_MS
