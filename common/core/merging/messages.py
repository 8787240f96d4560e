"""What the merge sees of a message, and what it makes of two."""

from typing import Generic, TypeVar

import msgspec

from common.core.instants import NS_PER_SECOND

HORIZON_NS = 12 * NS_PER_SECOND  # the longest backlog seen: receipts further apart are of two emissions
SUREST_NEEDED_MS = 500  # a clock that may be further off cannot order what two hosts received
R = TypeVar("R")


class LegMessage(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """One message as one leg received it.

    `opened_ns` is when its session was opened, by the same clock as `received_ns`. `exchange_ms` is the exchange's own
    time, 0 without one. `key` is the payload as JSON, or empty for what belongs to its leg alone (`payloads`).
    `behind_ns` is how far the whole leg is late (`lateness`), `clock_error_ns` how far its clock may be off, and
    `reference` whatever finds the message again.
    """

    received_ns: int
    opened_ns: int
    exchange_ms: int
    kind: str
    key: bytes
    reference: R
    behind_ns: int = 0
    clock_error_ns: int = 0

    @property
    def at_ns(self) -> int:
        """When a leg that is not late would have received it."""
        return self.received_ns - self.behind_ns


class Merged(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """One message of the union: the references of both legs, None where a leg does not have it.

    `at_ns` never falls within a unit, so that units can be merged by it.
    """

    a: R | None
    b: R | None
    doubtful: bool
    at_ns: int


class Counts(msgspec.Struct):
    """What came of a unit: messages of the union, and how many of its pairs are in one order over all kinds."""

    both: int = 0
    only_a: int = 0
    only_b: int = 0
    doubtful: int = 0
    anchors: int = 0
    anchors_in_order: int = 0

    @property
    def order_agreement(self) -> float:
        """Which share of the messages that are unique on both legs came in the same order on both; 1 without any."""
        return self.anchors_in_order / self.anchors if self.anchors else 1.0


def possible(a: LegMessage[R], b: LegMessage[R], clock_error_ns: int) -> bool:
    """Whether both may be the same emission: neither leg's session was opened after the other one had received it."""
    error_ns = clock_error_ns + a.clock_error_ns + b.clock_error_ns
    return (
        abs(a.at_ns - b.at_ns) <= HORIZON_NS + error_ns
        and a.received_ns >= b.opened_ns - error_ns
        and b.received_ns >= a.opened_ns - error_ns
    )
