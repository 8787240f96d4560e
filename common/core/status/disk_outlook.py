"""The room that is left for archives, how fast they grow, and when there will be none left."""

from collections import deque

import msgspec

from common.core.instants import NS_PER_SECOND
from common.core.terminal.text import rough_span_text, size_text
from common.core.uploads.kept import Kept

WINDOW_NS = 600 * NS_PER_SECOND  # two five-minute windows: markets are livelier towards the end of one
SAMPLE_NS = 10 * NS_PER_SECOND
SHORTEST_NS = 30 * NS_PER_SECOND  # before, a few commits more or less would double the rate
SOON_S = 86_400.0  # somebody who looks once a day must see it coming


class Room(msgspec.Struct, frozen=True):
    """A file system: bytes that this user may still write, and its size.

    `free_files` is how many files may still be made, None where the file system counts none.
    """

    free_bytes: int
    total_bytes: int
    free_files: int | None = None


class DiskOutlook(msgspec.Struct, frozen=True):
    """`disk` of the run manifest; None where a figure is not known.

    `full_in_seconds` is None too while nothing is written, while uploads free the room again, and while all that
    retention lets stay has room.
    """

    free_bytes: int | None = None
    total_bytes: int | None = None
    archive_bytes_per_second: float | None = None
    full_in_seconds: int | None = None

    @property
    def full_soon(self) -> bool:
        """Whether it is full within a day."""
        return self.full_in_seconds is not None and self.full_in_seconds < SOON_S

    @property
    def words(self) -> str:
        """`disk full in 3 d 4 h at 1.2 MiB/s`; empty where nobody knows when."""
        if self.full_in_seconds is None:
            return ""
        if not self.free_bytes:
            return "disk full"
        rate = f"{size_text(self.archive_bytes_per_second or 0)}/s"
        return f"disk full in {rough_span_text(self.full_in_seconds)} at {rate}"


def disk_outlook(
    room: Room | None, bytes_per_second: float | None, *, freed: bool, kept: Kept | None = None
) -> DiskOutlook:
    """The outlook for a rate of growth. A full disk is full in any case.

    `freed`: archives go as they come. `kept`: what stays under a retention that works, None where none does.
    """
    rate = None if bytes_per_second is None else round(bytes_per_second, 1)
    if room is None:
        return DiskOutlook(archive_bytes_per_second=rate)
    never = not rate or freed or (kept is not None and kept.still_to_come(rate) < room.free_bytes)
    full_in_s = None if never or not rate else int(room.free_bytes / rate)
    return DiskOutlook(room.free_bytes, room.total_bytes, rate, full_in_s if room.free_bytes else 0)


class Growth:
    """How fast a growing total grows: over the last ten minutes, and before that since the run began.

    Who comes late knows of the total only that it was 0 in the beginning; so a restart forgets nothing that it
    needs. Times are monotonic nanoseconds.
    """

    def __init__(self, begun_ns: int) -> None:
        self._samples = deque([(begun_ns, 0)])

    def note(self, now_ns: int, total: int) -> float | None:
        """Take the total of now; its growth a second, None while there is too little to tell."""
        while len(self._samples) > 1 and self._samples[1][0] <= now_ns - WINDOW_NS:
            self._samples.popleft()
        since_ns, before = self._samples[0]
        if now_ns - self._samples[-1][0] >= SAMPLE_NS:
            self._samples.append((now_ns, total))
        if now_ns - since_ns < SHORTEST_NS:
            return None
        return max(total - before, 0) * NS_PER_SECOND / (now_ns - since_ns)
