"""How an outbox comes to terms with archives that hold less, or more, than it was told.

A data root can be restored from yesterday, emptied, or replaced, while the outbox lives on in memory; and the other way
round. Each disagreement has one outcome, and no row is forgotten without a gap row that declares it.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from common.core.envelope import MESSAGE
from common.errors import SupersededError
from common.queue.lane import Lane
from common.queue.lost import Lost
from common.queue.outbox_files import OutboxFiles
from common.queue.outbox_numbers import OutboxNumbers

log = logging.getLogger(__name__)


class Agreement:
    """Between the lanes of an outbox and the archives. `lost` is what a gap row must declare before a lane goes on."""

    def __init__(
        self, folder: Path, lanes: Mapping[int, Lane], numbers: OutboxNumbers, files: OutboxFiles
    ) -> None:
        self.lost: list[Lost] = []
        self._folder, self._lanes, self._numbers, self._files = folder, lanes, numbers, files
        self._declared: dict[int, tuple[int, int]] = {}

    def agree(self, lane_index: int, durable: int, *, number: int, at_ns: int) -> Lost | None:
        """Come to terms with archives that hold a lane up to and including `durable`, as their writer states.

        `number` and `at_ns` are the highest message number and the newest receive time in them, 0 where not known.
        Gives what is lost where they hold less than was acknowledged once: it is in `lost` until a gap row declares
        it. Raises SupersededError where they hold what this outbox never had.
        """
        lane = self._lanes[lane_index]
        if durable > lane.last_sequence:
            self.supersede()
            raise SupersededError(
                f"{self._folder}: is of an earlier life than the archives, which hold lane {lane_index} up to"
                f" {durable} and not {lane.last_sequence}; it is set aside, and a new one is begun"
            )
        if durable >= lane.acked:
            lane.forget_through(durable)
            return None
        acked = lane.acked
        first_held = lane.rewind(durable, self._files.contexts.__contains__)
        shown = {"lane": lane_index, "acked": acked, "durable": durable, "held_from": first_held}
        log.error("archives hold less than was acknowledged: restored, replaced or emptied", extra=shown)
        if first_held == durable + 1:
            return None
        lost = self._lost(lane_index, durable, number, at_ns)
        self.lost = [each for each in self.lost if each.lane != lane_index]
        if self._declared.get(lane_index) != (lost.first, lost.last):
            self.lost.append(lost)
        return lost

    def _lost(self, lane_index: int, durable: int, number: int, at_ns: int) -> Lost:
        lane = self._lanes[lane_index]
        kept = next(lane.offered(), None)
        message = next((each for each in lane.offered() if each.kind == MESSAGE), None)
        return Lost(
            lane=lane_index,
            first=durable + 1,
            last=lane.acked,
            number=number,
            next_number=message.global_message_sequence if message else self._numbers.newest + 1,
            since_ns=at_ns or self._files.began_ns,
            until_ns=kept.received_at_ns if kept else self._numbers.last_received_at_ns,
            next_kept=kept,
        )

    def declared(self, lost: Lost) -> None:
        """A gap row declares it."""
        self.lost.remove(lost)
        self._declared[lost.lane] = (lost.first, lost.last)

    def is_older_than(self, durable: Mapping[int, int]) -> bool:
        """Whether archives hold more of any lane, by index, than was ever in it."""
        return any(
            last > (self._lanes[index].last_sequence if index in self._lanes else 0)
            for index, last in durable.items()
        )

    def supersede(self) -> None:
        """Have the next owner of the folder begin another outbox."""
        self._files.mark_superseded(self._unarchived_since_ns())

    def _unarchived_since_ns(self) -> int:
        waiting = (next(lane.offered(), None) for lane in self._lanes.values())
        received = [batch.received_at_ns for batch in waiting if batch is not None]
        return min(received, default=self._numbers.last_received_at_ns or self._files.began_ns)
