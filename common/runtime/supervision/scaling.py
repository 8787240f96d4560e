"""Which readers and writers a run has: what is ordered, and a writer for each lane that is not empty."""

from collections.abc import Collection
from pathlib import Path

from common.runtime.facts import read_facts
from common.runtime.orders import Orders
from common.topology import Instance, kind_of

WRITER = "archive_writer"
READER = "ws_reader"


def wanted_instances(orders: Orders, lanes_left: Collection[int]) -> list[Instance]:
    """One reader and one writer for each that is ordered, and a writer for each of the `lanes_left`."""
    lanes = {*range(orders.writers), *lanes_left}
    writers = [Instance(kind_of(WRITER), lane) for lane in sorted(lanes)]
    return [*writers, *(Instance(kind_of(READER), index) for index in range(orders.readers))]


def is_surplus(instance: Instance, orders: Orders) -> bool:
    """Whether it is a writer that is ordered no more: it only drains its lane."""
    return instance.kind.name == WRITER and instance.index >= orders.writers


def lanes_with_backlog(run_dir: Path) -> set[int]:
    """The lanes with envelopes in them, as the producers state."""
    outboxes = [facts.details.get("outbox", {}) for facts in read_facts(run_dir).values()]
    return {int(lane) for outbox in outboxes for lane, count in outbox.get("lanes", {}).items() if count}
