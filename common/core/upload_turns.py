"""Whose turn it is to be uploaded: oldest first, in batches, and one that fails holds no other up."""

from collections.abc import Callable, Sequence

import msgspec

from common.core.archive_names import ARCHIVE_SUFFIX
from common.core.backoff import Backoff
from common.core.instants import NS_PER_SECOND

BATCH_PARCELS = 200
BATCH_BYTES = 512 << 20
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
    """Remembers which parcels failed by themselves, and when each may try again.

    `chance` gives numbers from 0 up to 1; times are monotonic nanoseconds.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._backoffs: dict[str, Backoff] = {}
        self._not_before_ns: dict[str, int] = {}
        self._suspects: dict[str, int] = {}

    def batch(self, waiting: Sequence[Parcel], now_ns: int) -> list[Parcel]:
        """The next ones to try together, in the order of `waiting`; empty if all that wait must wait longer.

        One that was in a batch that failed without a word about whom goes with ever fewer others.
        """
        taken: list[Parcel] = []
        size, most = 0, BATCH_PARCELS
        for parcel in waiting:
            if self._not_before_ns.get(parcel.path, 0) > now_ns:
                continue
            most = min(most, max(1, BATCH_PARCELS >> 3 * self._suspects.get(parcel.path, 0)))
            if taken and (len(taken) >= most or size + parcel.bytes > BATCH_BYTES):
                break
            taken.append(parcel)
            size += parcel.bytes
        return taken

    def failed(self, path: str, now_ns: int) -> None:
        """It failed by itself: it waits, longer each time."""
        backoff = self._backoffs.setdefault(
            path, Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S, chance=self._chance)
        )
        self._not_before_ns[path] = now_ns + int(backoff.next_wait_s() * NS_PER_SECOND)

    def suspect(self, path: str) -> None:
        """It was one of those whose batch took too long; nobody knows which of them it was."""
        self._suspects[path] = self._suspects.get(path, 0) + 1

    def done(self, path: str) -> None:
        """Forget it."""
        for known in (self._backoffs, self._not_before_ns, self._suspects):
            known.pop(path, None)

    def next_turn_ns(self) -> int | None:
        """When the first of those that wait may try again; None if none waits."""
        return min(self._not_before_ns.values(), default=None)
