"""Windows that must be open by now and are not recorded: discovery states them, and each stretch is a gap."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from common.core.clock_step import on_new_clock
from common.core.instants import NS_PER_SECOND

_ROLLING = re.compile(r"-updown-(5m|15m|4h)-(\d{9,11})$")
_LENGTH_NS = {"5m": 300 * NS_PER_SECOND, "15m": 900 * NS_PER_SECOND, "4h": 14_400 * NS_PER_SECOND}


class DueWindow(msgspec.Struct, frozen=True):
    """One that is not recorded, since when (wall time), and why."""

    market_slug: str
    since_ns: int
    reason: str


class WindowGap(msgspec.Struct, frozen=True):
    """A stretch in which a window was open and not recorded (wall time)."""

    market_slug: str
    from_ns: int
    to_ns: int
    reason: str


class DueWindows:
    """Those that are stated now. Each method gives the stretches that end with what it was told."""

    def __init__(self) -> None:
        self._due: dict[str, DueWindow] = {}

    @property
    def earliest_ns(self) -> int | None:
        """The beginning of the oldest stretch that is not declared yet."""
        return min((each.since_ns for each in self._due.values()), default=None)

    def state(
        self, stated: Mapping[str, tuple[int, str]], now_ns: int, *, not_before_ns: int
    ) -> list[WindowGap]:
        """All that are due now: slug, since when it is stated, and why. A stretch begins with its window.

        Nothing is declared of the time before `not_before_ns`: that is accounted for already.
        """
        ended = [each for slug, each in self._due.items() if slug not in stated]
        for each in ended:
            del self._due[each.market_slug]
        for slug, (since_ns, reason) in stated.items():
            since_ns = max(_opened_ns(slug, since_ns), not_before_ns)  # noqa: PLW2901 - clipped
            known = self._due.get(slug)
            self._due[slug] = DueWindow(slug, known.since_ns if known else since_ns, reason)
        return _gaps(ended, now_ns)

    def clock_set(self, step_ns: int, now_ns: int) -> None:
        """The wall clock was set by so much, up to now."""
        self._due = {
            slug: msgspec.structs.replace(each, since_ns=on_new_clock(each.since_ns, step_ns, now_ns))
            for slug, each in self._due.items()
        }

    def cut(self, now_ns: int) -> list[WindowGap]:
        """Everything up to now, to go on from now."""
        gaps = _gaps(self._due.values(), now_ns)
        self._due = {slug: msgspec.structs.replace(each, since_ns=now_ns) for slug, each in self._due.items()}
        return gaps


def _opened_ns(slug: str, stated_ns: int) -> int:
    """When the window opened, as far as its slug tells; else when it was stated."""
    span = _span(slug)
    return span[0] if span is not None and span[0] <= stated_ns < span[1] else stated_ns


def _span(slug: str) -> tuple[int, int] | None:
    found = _ROLLING.search(slug)
    if found is None:
        return None
    start_ns = int(found[2]) * NS_PER_SECOND
    return start_ns, start_ns + _LENGTH_NS[found[1]]


def _gaps(due: Iterable[DueWindow], now_ns: int) -> list[WindowGap]:
    gaps = []
    for each in due:
        span = _span(each.market_slug)
        to_ns = now_ns if span is None else min(now_ns, span[1])
        if to_ns > each.since_ns:
            gaps.append(WindowGap(each.market_slug, each.since_ns, to_ns, each.reason))
    return gaps
