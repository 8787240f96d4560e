"""Up to which receive time everything of a producer is durable in archives."""

from common.queue.outbox import Outbox


class Settled:
    """Marks the ends of all lanes now and then; when every mark is acked, all before it is durable."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._mark: tuple[int, dict[int, int]] | None = None
        self._until_ns = 0

    def look(self, told_until_ns: int) -> int:
        """The wall time up to which everything is durable, 0 until the first mark is acked.

        `told_until_ns`: up to then everything that happened is in the outbox.
        """
        lanes = self._outbox.lanes
        if self._mark is not None and all(lanes[lane].acked >= last for lane, last in self._mark[1].items()):
            self._until_ns, self._mark = self._mark[0], None
        if self._mark is None:
            self._mark = (told_until_ns, {lane: each.last_sequence for lane, each in lanes.items()})
        return self._until_ns
