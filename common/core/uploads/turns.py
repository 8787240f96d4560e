"""Whose turn it is to be uploaded: oldest first, in batches, and one that fails holds no other up."""

from collections.abc import Callable, Sequence

import msgspec

from common.core.backoff import Backoff
from common.core.instants import NS_PER_SECOND
from common.core.rows.names import ARCHIVE_SUFFIX

FIRST_PARCELS, BATCH_PARCELS = 64, 200
FIRST_BYTES, BATCH_BYTES = 64 << 20, 512 << 20
LEAST_BYTES = 8 << 20  # so much together is never too much
FIRST_WAIT_S = 30.0  # of one that failed while others did not
LONGEST_WAIT_S = 3600.0


class Parcel(msgspec.Struct, frozen=True):
    """A file that belongs to the remote: an archive with its sidecar, or a ledger.

    `path` is below the data root, with `/`. `bytes` is its own size, `since_ns` when it became ready, by the
    wall clock; `data_from_ns` is where its data begin.
    """

    path: str
    bytes: int
    since_ns: int
    data_from_ns: int

    @property
    def is_archive(self) -> bool:
        """Whether it is an archive; else it is a ledger."""
        return self.path.endswith(ARCHIVE_SUFFIX)

    @property
    def age_order(self) -> tuple[int, str]:
        """A sort key: the oldest data first."""
        return (self.data_from_ns, self.path)


class Turns:
    """Remembers which parcels failed by themselves, when each may try again, and how large a batch gets through.

    Batches begin small, double with each that went, and halve with each that broke off: between two outages something
    is proved, however short the time is. `chance` gives numbers from 0 up to 1; times are monotonic nanoseconds.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._backoffs: dict[str, Backoff] = {}
        self._not_before_ns: dict[str, int] = {}
        self._most, self._most_bytes = FIRST_PARCELS, FIRST_BYTES

    def batch(self, waiting: Sequence[Parcel], now_ns: int) -> list[Parcel]:
        """The next ones to try together, in the order of `waiting`; empty if all that wait must wait longer."""
        taken: list[Parcel] = []
        size = 0
        for parcel in waiting:
            if self._not_before_ns.get(parcel.path, 0) > now_ns:
                continue
            if taken and (len(taken) >= self._most or size + parcel.bytes > self._most_bytes):
                break
            taken.append(parcel)
            size += parcel.bytes
        return taken

    def went(self) -> None:
        """A batch came to its end, whatever became of each in it."""
        self._most = min(2 * self._most, BATCH_PARCELS)
        self._most_bytes = min(2 * self._most_bytes, BATCH_BYTES)

    def broke_off(self, batch: Sequence[Parcel]) -> None:
        """A batch did not come to its end, and nobody knows whether one of them is the cause."""
        self._most = max(1, len(batch) // 2)
        self._most_bytes = max(LEAST_BYTES, sum(parcel.bytes for parcel in batch) // 2)

    def failed(self, path: str, now_ns: int) -> None:
        """It failed by itself: it waits, longer each time."""
        backoff = self._backoffs.setdefault(
            path, Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S, chance=self._chance)
        )
        self._not_before_ns[path] = now_ns + int(backoff.next_wait_s() * NS_PER_SECOND)

    def done(self, path: str) -> None:
        """Forget it."""
        self._backoffs.pop(path, None)
        self._not_before_ns.pop(path, None)
