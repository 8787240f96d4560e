"""Which envelopes of which leg are shown: of one, of all, or both merged as they come."""

from collections.abc import Iterator
from typing import Literal

from common.core.envelope import MESSAGE
from common.core.merging.equality import canonical
from common.core.merging.live import LiveMerge, Shown
from common.core.merging.payloads import NO_MARKET, contents_of
from common.core.rows.reading import row_of
from common.core.rows.websocket import SESSION_CLOSED
from common.errors import ArchiveError
from common.queue.tail import Tailed

LegChoice = Literal["merged", "a", "b", "all"]
LEG_CHOICES: tuple[LegChoice, ...] = ("merged", "a", "b", "all")


class LegView:
    """What is of no leg (REST), or answers one connection alone (opening books, PONG, life-cycle rows), passes."""

    def __init__(self, choice: LegChoice) -> None:
        self._choice = choice
        self._merge: LiveMerge[Tailed] = LiveMerge()
        self._readers: dict[str, dict[str, str]] = {}  # by unit: of each leg the reader that brings it

    def take(self, tailed: Tailed) -> Iterator[Shown[Tailed]]:
        """What is to be shown now that this envelope has passed."""
        leg = tailed.origin.leg
        if self._choice != "merged" or leg is None:
            if leg in {None, self._choice} or self._choice in {"all", "merged"}:
                yield Shown(tailed, late=False, doubtful=False)
            return
        if tailed.envelope.kind != MESSAGE:
            if _is_end(tailed.envelope.payload):
                yield from self._merge.ended(leg, lambda unit: self._readers[unit].get(leg) == tailed.name)
            yield Shown(tailed, late=False, doubtful=False)
            return
        contents = contents_of(tailed.envelope.payload)
        if len(contents) != 1 or contents[0].opening:
            yield Shown(tailed, late=False, doubtful=False)
            return
        # What names no market comes once over each connection: those with the same number are the two of a pair.
        unit = contents[0].unit if contents[0].unit != NO_MARKET else tailed.name.removesuffix(leg)
        self._readers.setdefault(unit, {})[leg] = tailed.name
        at_ns = tailed.envelope.received_monotonic_ns
        yield from self._merge.take(leg, unit, canonical(tailed.envelope.payload), at_ns, tailed)

    def tick(self, now_monotonic_ns: int) -> Iterator[Shown[Tailed]]:
        """What has waited for long enough."""
        return self._merge.tick(now_monotonic_ns)


def _is_end(row: bytes) -> bool:
    try:
        return row_of(row).record_type == SESSION_CLOSED
    except ArchiveError:
        return False
