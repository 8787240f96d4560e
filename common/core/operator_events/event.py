"""One change that an operator wants to hear of, as it is shown, posted and kept."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns

Lasting = Literal["dark", "one_leg", "problem", "divergence", "disk", "alarm", "reference"]
EventKind = Literal[Lasting, "gap", "healed"]
KEPT = 100  # events of a run; one that was not posted by then is dropped, and counted


class OperatorEvent(msgspec.Struct, frozen=True):
    """`id` counts up from 1 within a run. `text` is one sentence for a person.

    `healed` names what is over, None of anything else; `lasted_seconds` is how long it lasted. `count` is how many
    things of the kind happened since the event before: gaps, for example, are told together.
    """

    id: int
    event: EventKind
    at_utc: str
    text: str
    run_id: str
    host: str
    exchange: str
    healed: Lasting | None = None
    lasted_seconds: float | None = None
    count: int = 1


def events_of(rows: Iterable[dict[str, Any]]) -> tuple[OperatorEvent, ...]:
    """Events as a document holds them; those that cannot be read are left out."""
    events = []
    for row in rows:
        try:
            event = msgspec.convert(row, OperatorEvent)
            parse_utc_ns(event.at_utc)
        except (msgspec.ValidationError, ValueError):
            continue
        events.append(event)
    return tuple(events)


def still_open(events: Iterable[OperatorEvent]) -> dict[Lasting, int]:
    """What has begun and is not healed by these events: the wall time in nanoseconds at which each was told."""
    begun: dict[Lasting, int] = {}
    for event in events:
        if event.event == "healed":
            if event.healed is not None:
                begun.pop(event.healed, None)
        elif event.event != "gap":
            begun.setdefault(event.event, parse_utc_ns(event.at_utc))
    return begun


def lasted_s(since_ns: int, now_ns: int) -> float:
    """Seconds between two wall times; 0 where the clock was put back."""
    return round(max(0, now_ns - since_ns) / NS_PER_SECOND, 1)
