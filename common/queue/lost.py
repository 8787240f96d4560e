"""What a producer was told is durable, and is not in the data root that it records to now."""

from typing import Any

import msgspec

from common.core.batch import Batch
from common.core.causes import Cause
from common.core.instants import utc_text

CAUSE: Cause = "archives_missing"


class Lost(msgspec.Struct, frozen=True):
    """Rows of one lane that the outbox has forgotten, because they were durable, and that no archive here holds.

    `number` is the highest message number that the archives of the lane hold, 0 where that is not known, `next_number`
    the lowest that the outbox still holds for it. Other lanes may hold some of those between: then they are not lost.
    """

    lane: int
    first: int
    last: int
    number: int
    next_number: int
    since_ns: int
    until_ns: int
    next_kept: Batch | None = None

    def gap(self, *, numbers: tuple[int, int] | None, names: tuple[str, str]) -> dict[str, Any]:
        """The detail of its gap row; `numbers` of messages are named like this there, None if there are none."""
        detail: dict[str, Any] = {
            "cause": CAUSE,
            "from_utc": utc_text(self.since_ns),
            "to_utc": utc_text(self.until_ns),
            "lane": self.lane,
            "first_lane_sequence": self.first,
            "last_lane_sequence": self.last,
        }
        if numbers is not None:
            detail |= dict(zip(names, numbers, strict=True))
        return detail

    @property
    def numbers(self) -> tuple[int, int] | None:
        """The numbers between what the archives hold and what the outbox holds, None if there are none."""
        first, last = self.number + 1, self.next_number - 1
        return (first, last) if first <= last else None
