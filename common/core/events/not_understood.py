"""Counts what was recorded and not understood: by reason, with one example of each, and the unusual forms by name."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from common.core.events.market_events import MarketEvent, Unusable, UnusualForms

REASONS_KEPT = 50  # reasons are kinds and fields of ours, so there are no more


class Unused(msgspec.Struct, frozen=True):
    """One reason for which events could not be used; `example` says why the first of them could not."""

    reason: str
    events: int
    example: str


class NotUnderstood:
    """Filled event by event."""

    def __init__(self, kept: Iterable[Unused] = (), forms: Mapping[str, int] = MappingProxyType({})) -> None:
        """Going on from what a predecessor's `unused` and `forms` gave last."""
        kept = tuple(kept)
        self._events = Counter({each.reason: each.events for each in kept})
        self._examples = {each.reason: each.example for each in kept}
        self._forms: Counter[str] = Counter(forms)

    @property
    def events(self) -> int:
        """How many events could not be used."""
        return self._events.total()

    @property
    def forms(self) -> dict[str, int]:
        """How many events were written in each form that is not the usual one, and read all the same."""
        return dict(self._forms)

    def take(self, events: Iterable[MarketEvent]) -> int:
        """Count those of the events that are meant; how many of them could not be used."""
        unusable = 0
        for event in events:
            if isinstance(event, Unusable):
                unusable += 1
                reason = event.reason if event.reason in self._events or self._has_room else "another reason"
                self._events[reason] += 1
                self._examples.setdefault(reason, event.detail)
            elif isinstance(event, UnusualForms):
                self._forms.update(event.forms)
        return unusable

    def add(self, other: "NotUnderstood") -> None:
        """What another one has counted."""
        for unused in other.unused():
            self._events[unused.reason] += unused.events
            self._examples.setdefault(unused.reason, unused.example)
        self._forms.update(other.forms)

    @property
    def _has_room(self) -> bool:
        return len(self._events) < REASONS_KEPT

    def unused(self) -> tuple[Unused, ...]:
        """The reasons in their order, each with how many events it had."""
        return tuple(
            Unused(reason, count, self._examples[reason]) for reason, count in sorted(self._events.items())
        )
