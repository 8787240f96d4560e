"""What of the archives here may go by age and by size, as the settings `retention.*` say. It decides, nothing more."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from common.core.instants import NS_PER_SECOND
from common.core.uploads.turns import Parcel

Because = Literal["cleanup_after_verify", "retention.max_age_seconds", "retention.max_bytes"]


class Retention(msgspec.Struct, frozen=True):
    """How old archives may get, and how many bytes they may take together; 0 for no bound."""

    max_age_seconds: float = 0
    max_bytes: int = 0

    @property
    def is_on(self) -> bool:
        """Whether anything is bounded."""
        return bool(self.max_age_seconds or self.max_bytes)

    def due(
        self,
        deletable: Sequence[Parcel],
        archives: Sequence[Parcel],
        now_ns: int,
        ahead_ns: Callable[[Parcel], int] = lambda _parcel: 0,
    ) -> Mapping[str, Because]:
        """Which of `deletable` (the oldest data first) are to go, by path, and why.

        `archives` are all that are here. Age is counted back from the newest of them, or from now where that is
        earlier: neither a long rest of the recorder nor a clock that is years ahead makes them old. The newest window
        never goes. `ahead_ns` is by how much the clock was ahead that an archive was recorded with, negative where it
        was behind: it is asked of those alone that seem to be too old.
        """
        newest_ns = max((parcel.data_from_ns for parcel in archives), default=0)
        over_bytes = sum(parcel.bytes for parcel in archives) - self.max_bytes if self.max_bytes else 0
        oldest_ns = min(now_ns, newest_ns) - int(self.max_age_seconds * NS_PER_SECOND)
        due: dict[str, Because] = {}
        for parcel in deletable:
            if parcel.data_from_ns >= newest_ns:
                continue
            if self._is_old(parcel, oldest_ns, ahead_ns):
                due[parcel.path] = "retention.max_age_seconds"
            elif over_bytes > 0:
                due[parcel.path] = "retention.max_bytes"
            else:
                continue
            over_bytes -= parcel.bytes
        return due

    def _is_old(self, parcel: Parcel, oldest_ns: int, ahead_ns: Callable[[Parcel], int]) -> bool:
        seems = self.max_age_seconds > 0 and parcel.data_from_ns < oldest_ns
        return seems and parcel.data_from_ns - ahead_ns(parcel) < oldest_ns


NOTHING_GOES = Retention()
