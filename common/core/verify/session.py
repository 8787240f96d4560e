"""What the rows say of one session: when it opened, what it subscribed, which numbers it had, how it ended."""

from collections import Counter

import msgspec

from common.core.number_runs import Run
from common.core.rows.rest import REQUEST_RECORDS


class Subscription(msgspec.Struct, frozen=True):
    """From this receive time on, these tokens. The revision tells the order, whatever the wall clock does."""

    revision: int
    at_ns: int
    at_monotonic_ns: int
    tokens: tuple[str, ...]


class SessionEnd(msgspec.Struct, frozen=True):
    """A `session_closed` row: `messages` is how many the session received."""

    at_ns: int
    at_monotonic_ns: int
    reason: str
    messages: int


class DeclaredGap(msgspec.Struct, frozen=True):
    """A `gap` row. `numbers` are the global (of REST: checkpoint) sequences it declares lost, None for an outage.

    `token_ids` are the tokens that it is of, None where it is of all that the producer records.

    Where it declares the rows of one lane, `lane` and `lane_numbers` say which; those of `numbers` that other lanes
    hold are not lost then.
    """

    producer: str
    cause: str
    from_ns: int
    to_ns: int
    numbers: Run | None
    token_ids: frozenset[str] | None = None
    lane: int | None = None
    lane_numbers: Run | None = None


class SessionAccount:
    """One session over all its archives. `runs` are message sequences; `offset` makes them global ones."""

    def __init__(self, producer: str, session_id: str, record_type: str) -> None:
        self.producer, self.session_id = producer, session_id
        self.is_rest = record_type in REQUEST_RECORDS
        self.runs: list[Run] = []
        self.offset: int | None = None
        self.opened = False
        self.end: SessionEnd | None = None
        self.subscriptions: list[Subscription] = []
        self.messages = 0
        self.messages_by_token: Counter[str] = Counter()
        self.first_at_ns = 0
        self.last_at_ns = 0

    @property
    def opening(self) -> Subscription | None:
        """The first subscription that is known."""
        return min(self.subscriptions, key=lambda change: change.revision, default=None)

    def since_opening_ns(self, at: Subscription | SessionEnd) -> int:
        """Wall time of a moment as if the wall clock had not been set since the session opened."""
        opening = self.opening
        if opening is None:
            return at.at_ns
        return opening.at_ns + at.at_monotonic_ns - opening.at_monotonic_ns

    def global_runs(self) -> list[Run]:
        """The global sequences of the session's messages."""
        return [(first + (self.offset or 0), last + (self.offset or 0)) for first, last in self.runs]
