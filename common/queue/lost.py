"""What a producer was told is durable, and is not in the data root that it records to now."""

import msgspec

from common.core.batch import Batch
from common.core.causes import Cause
from common.core.instants import utc_text
from common.core.rows.gap import Gap

CAUSE: Cause = "archives_missing"
Numbers = tuple[int, int] | tuple[None, None]
NO_NUMBERS: Numbers = (None, None)


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

    def gap(
        self, *, messages: Numbers = NO_NUMBERS, checkpoints: Numbers = NO_NUMBERS, missing: str = ""
    ) -> Gap:
        """The detail of its gap row, with the numbers of what is missing if they are known."""
        return Gap(
            cause=CAUSE,
            from_utc=utc_text(self.since_ns),
            to_utc=utc_text(self.until_ns),
            lane=self.lane,
            first_lane_sequence=self.first,
            last_lane_sequence=self.last,
            first_global_message_sequence=messages[0],
            last_global_message_sequence=messages[1],
            first_checkpoint_sequence=checkpoints[0],
            last_checkpoint_sequence=checkpoints[1],
            missing=missing,
        )

    @property
    def numbers(self) -> Numbers:
        """The first and the last number between what the archives hold and what the outbox holds, if there are any."""
        first, last = self.number + 1, self.next_number - 1
        return (first, last) if first <= last else NO_NUMBERS
