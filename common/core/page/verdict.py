"""The first line of the page: whether the recording is whole, since when, why not, and what to do."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.status.health import Verdict

Level = Literal["whole", "one_leg", "dark", "red", "idle", "starting", "stopping"]
DARK_S = 30.0  # without any market data, although there is something to record
Document = Mapping[str, Any]

HEADLINES: Mapping[Level, str] = {
    "whole": "The recording is whole",
    "one_leg": "Recording on one leg",
    "dark": "Dark: no market data arrives",
    "red": "The recorder gets less than the exchange offers",
    "idle": "There is nothing to record now",
    "starting": "The recorder is starting",
    "stopping": "The recorder is stopping",
}
_DARK_TODO = (
    "Look at the close reasons of the sessions below. Mend network, proxy or certificate: the recorder connects by"
    " itself, and a restart does not help. Runbook: OrderbooksDark"
)
_TODO: Mapping[str, str] = {
    "rows_not_durable": "Free the disk rather than restart. Runbook: OrderbooksRowsNotDurable",
    "clock_off": "Set the clock of this machine. Runbook: OrderbooksClockOff",
}
_TODO_OTHERWISE = "Do what the reason says. Runbook: OrderbooksUnhealthy"


class VerdictLine(msgspec.Struct, frozen=True):
    """`since_utc` is None where nobody knows since when. `warnings` are for an operator, and need no hurry."""

    level: Level
    headline: str
    since_utc: str | None
    why: tuple[str, ...]
    todo: str
    warnings: tuple[str, ...]


class Since:
    """Remembers since when the level is what it is. The run's start is where the first one began."""

    def __init__(self) -> None:
        self._level: Level | None = None
        self._since_utc: str | None = None

    def note(self, level: Level, *, started_at_utc: str, now_ns: int) -> None:
        """Take the level of now."""
        if level != self._level:
            first = self._level is None or (self._level == "starting" and level == "whole")
            self._since_utc = started_at_utc if first else utc_text(now_ns)
            self._level = level

    def of(self, level: Level) -> str | None:
        """Since when this level, None if it was not the last one noted."""
        return self._since_utc if level == self._level else None


def level_of(document: Document, health: Verdict, *, silent_s: float | None) -> Level:
    """The level of a run manifest; `silent_s` is the time since any market data, None before the first."""
    state = document["state"]
    if state in {"STOPPING", "STOPPED"}:
        return "stopping"
    if state != "RUNNING_NO_ACTIVE_TOKENS" and silent_s is not None and silent_s > DARK_S:
        return "dark"
    if not health.ok:
        return "red" if silent_s is not None or document["problems"] else "dark"
    if state == "RUNNING_NO_ACTIVE_TOKENS":
        return "idle"
    if state == "STARTING" or silent_s is None:
        return "starting"
    legs = document.get("legs") or ()
    return "one_leg" if len(legs) > 1 and not all(leg["up"] for leg in legs) else "whole"


def verdict_line(
    document: Document, health: Verdict, *, level: Level, since_utc: str | None, warnings: Sequence[str]
) -> VerdictLine:
    """The line for a level that `level_of` gave."""
    problems = document["problems"]
    why = tuple(problem["reason"] for problem in problems) or ((health.reason,) if not health.ok else ())
    begun = [problem["since_utc"] for problem in problems]
    todo = ""
    if level == "red":
        since_utc = min(begun, default=since_utc)
        todo = next((_TODO[each["kind"]] for each in problems if each["kind"] in _TODO), _TODO_OTHERWISE)
    elif level == "dark":
        since_utc = document["last_successful_ws_message_at_utc"] or document["started_at_utc"]
        why, todo = why or (health.reason,), _DARK_TODO
    elif level == "one_leg":
        down = [leg for leg in document["legs"] if not leg["up"]]
        since_utc = min((leg["down_since_utc"] for leg in down if leg["down_since_utc"]), default=since_utc)
        why = (*why, *(f"leg {leg['leg']} is down; the other one records all tokens" for leg in down))
        todo = "Nothing is lost while the other leg stays up. It connects again by itself"
    return VerdictLine(level, HEADLINES[level], since_utc, why, todo, tuple(warnings))


def uptime_s(document: Document, now_ns: int) -> float:
    """How long the run has lasted."""
    return round((now_ns - parse_utc_ns(document["started_at_utc"])) / NS_PER_SECOND, 1)
