"""The newest end of a copy: of a data root that is still recorded, a copy lacks what is not closed or not uploaded yet.

Uploads go window by window, so only the newest window of a copy may lack archives, and with it what they tell of the
window before.
"""

from collections.abc import Iterable, Mapping

import msgspec

NO_SIDECAR = "has no sidecar"
NO_ARCHIVE = "is a sidecar, but its archive is not here"


class CopyEdge(msgspec.Struct, frozen=True):
    """Starts of the newest window of a copy and of the one before it.

    `numbers_before` are the highest message numbers in the windows before the newest one, by producer, of those that
    are in the newest one: 0 where all that is known of a producer is there.
    """

    newest_ns: int
    before_ns: int
    numbers_before: Mapping[str, int]

    def is_sure(self, window_end_ns: int) -> bool:
        """Whether all that can be known of a window that ends here is in the copy."""
        return window_end_ns < self.newest_ns


def edge_of(windows: Iterable[tuple[int, Mapping[str, int]]]) -> CopyEdge | None:
    """The edge of archives: the start of each one's window, and the highest message number of each producer in it."""
    known = list(windows)
    starts = sorted({start for start, _ in known})
    if not starts:
        return None
    newest, before = starts[-1], starts[-2] if len(starts) > 1 else starts[-1]
    highest: dict[str, int] = {}
    going_on: set[str] = set()
    for start, numbers in known:
        if start == newest:
            going_on |= numbers.keys()
            continue
        for producer, number in numbers.items():
            highest[producer] = max(number, highest.get(producer, 0))
    return CopyEdge(newest, before, {producer: highest.get(producer, 0) for producer in going_on})
