"""The reference prices of a recording, in the order of their recording.

from pathlib import Path
from common.archive.reference_prices import reference_prices

for received_at_ns, price in reference_prices(Path("data"), since="2026-12-01T10:00:00Z"):
    print(received_at_ns, price.channel, price.coin, price.value)
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from common.archive.replay import Instant, read_archive
from common.core.reference.frames import ReferencePrice, read_frame
from common.core.rows.names import REFERENCE
from common.core.rows.websocket import MESSAGE_RECORD


def reference_prices(
    paths: Path | Iterable[Path], *, since: Instant | None = None, until: Instant | None = None
) -> Iterator[tuple[int, ReferencePrice]]:
    """Each price with its receive time (nanoseconds since 1970), from closed archives; a repeated one comes twice.

    `since` and `until` (excluded) bound the receive time. Raises ArchiveError and ValueError as `read_archive` does.
    """
    for row in read_archive(paths, stream=REFERENCE, since=since, until=until):
        if row.record_type != MESSAGE_RECORD:
            continue
        for price in read_frame(row.payload or b"").prices:
            yield row.received_at_ns, price
