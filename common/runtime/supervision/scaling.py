"""Which readers and writers a run has: what is ordered, and a writer for each lane that is not empty."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from common.config import Settings
from common.core.reference.sources import PLACES, places_of
from common.core.rows.origin import LEGS, Leg
from common.runtime.run.details import ProducerDetails
from common.runtime.run.facts import details_of_kind, read_facts
from common.runtime.run.orders import Orders
from common.topology import Instance, kind_of

WRITER = "archive_writer"
READER = "ws_reader"
REFERENCE = "reference"
_READER_NAME = re.compile(rf"{READER}-(\d+)([{''.join(LEGS)}]?)")


def wanted_instances(orders: Orders, lanes_left: Collection[int]) -> list[Instance]:
    """The readers of each leg and the writers that are ordered, and a writer for each of the `lanes_left`."""
    lanes = {*range(orders.writers), *lanes_left}
    writers = [Instance(kind_of(WRITER), lane) for lane in sorted(lanes)]
    legs: Sequence[Leg | None] = LEGS if orders.legs == len(LEGS) else (None,)
    readers = [Instance(kind_of(READER), index, leg) for index in range(orders.readers) for leg in legs]
    return [*writers, *readers]


def reference_instances(settings: Settings) -> list[Instance]:
    """One process for each place that the sources of the settings need; none where they are switched off."""
    places = places_of(settings.reference.sources) if settings.reference.enabled else ()
    return [Instance(kind_of(REFERENCE), 0, place=place) for place in places]


def abandoned_producers(outboxes: Collection[str], wanted: Collection[str]) -> list[Instance]:
    """The readers that a run with other legs, or with more readers, left with something in their outbox.

    And those of reference prices, where that run had other sources.
    """
    names = [_READER_NAME.fullmatch(name) for name in outboxes if name not in wanted]
    readers = [Instance(kind_of(READER), int(name[1]), _leg(name[2])) for name in names if name is not None]
    every_place = [Instance(kind_of(REFERENCE), 0, place=place) for place in PLACES]
    return [*readers, *(one for one in every_place if one.name in outboxes and one.name not in wanted)]


def _leg(letter: str) -> Leg | None:
    return next((leg for leg in LEGS if leg == letter), None)


def is_surplus(instance: Instance, orders: Orders) -> bool:
    """Whether it is a writer that is ordered no more: it only drains its lane."""
    return instance.kind.name == WRITER and instance.index >= orders.writers


def lanes_with_backlog(run_dir: Path) -> set[int]:
    """The lanes with envelopes in them, as the producers state."""
    producers = details_of_kind(read_facts(run_dir), ProducerDetails).values()
    return {lane for each in producers for lane, count in each.outbox.lanes.items() if count}
