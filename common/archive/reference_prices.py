"""The reference prices of a recording, in the order of their recording.

from pathlib import Path
from common.archive.reference_prices import reference_prices

for received_at_ns, price in reference_prices(Path("data"), since="2026-12-01T10:00:00Z"):
    print(received_at_ns, price.channel, price.coin, price.value)
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from common.archive.merge import find_parts, rows_in_order
from common.archive.replay import Instant, archives_of, span_between
from common.core.reference.frames import ReferencePrice, read_frame
from common.core.rows.names import REFERENCE
from common.core.rows.websocket import MESSAGE_RECORD


def reference_prices(
    paths: Path | Iterable[Path], *, since: Instant | None = None, until: Instant | None = None
) -> Iterator[tuple[int, ReferencePrice]]:
    """Each price with its receive time (nanoseconds since 1970), from closed archives; a repeated one comes twice.

    So does one that several hosts received: the prices of all processes follow one another by their receive times.
    `since` and `until` (excluded) bound these. Raises ArchiveError and ValueError as `read_archive` does.
    """
    span = span_between(since, until)
    parts = find_parts(dict.fromkeys(archives_of(paths, stream=REFERENCE), ""), span)
    for row in rows_in_order(parts, span):
        if row.record_type != MESSAGE_RECORD:
            continue
        for price in read_frame(row.payload or b"").prices:
            yield row.received_at_ns, price
