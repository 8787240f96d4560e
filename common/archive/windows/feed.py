"""What the websocket's archives of a data root say of windows: trades, and outcomes as the exchange announced them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.archive.hours import hour_archive
from common.archive.read import closed_archives, iterate_lines
from common.core.events.market_events import LastTrade, MarketResolved
from common.core.events.reader import read_events
from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.market import canonical_condition_id
from common.core.resolution.answers import Told
from common.core.resolution.window import WindowFacts
from common.core.rows.names import WS_RAW, stream_of
from common.core.rows.reading import Row, row_of

WEBSOCKET = "websocket"
LISTED_NS = 24 * 3600 * NS_PER_SECOND  # a market trades so long before its window, at most
SETTLED_NS = 3600 * NS_PER_SECOND  # and is announced as resolved so long after it
_EVENTS = (b'"last_trade_price"', b'"market_resolved"')


class Feed:
    """The trades and outcomes that the websocket told of some windows, in one data root."""

    def __init__(self, root: Path, wanted: Sequence[WindowFacts]) -> None:
        self.resolved: list[tuple[str, int, Told]] = []
        self._slugs = {canonical_condition_id(each.condition_id): each.market_slug for each in wanted}
        self._by_leg: Counter[tuple[str, str]] = Counter()
        first_ns = min(each.start_ns for each in wanted) - LISTED_NS
        last_ns = max(each.end_ns for each in wanted) + SETTLED_NS
        for path in closed_archives(root):
            if stream_of(path.name) == WS_RAW and _overlaps(path, first_ns, last_ns):
                self._read(path)

    def _read(self, path: Path) -> None:
        for line in iterate_lines(path):
            if any(event in line for event in _EVENTS):
                self._take(row_of(line))

    def _take(self, row: Row) -> None:
        for event in read_events(row.payload_json):
            if isinstance(event, LastTrade) and (slug := self._slug(event.market)):
                self._by_leg[slug, row.leg or ""] += 1
            elif isinstance(event, MarketResolved) and (slug := self._slug(event.market)):
                self.resolved.append((slug, row.received_at_ns, Told(event.winning_outcome or "")))

    def _slug(self, condition_id: str) -> str:
        return self._slugs.get(canonical_condition_id(condition_id), "")

    def trades(self) -> Mapping[str, int]:
        """By market, of the leg that has more of them."""
        found: Counter[str] = Counter()
        for (slug, _), count in self._by_leg.items():
            found[slug] = max(found[slug], count)
        return found


def _overlaps(path: Path, first_ns: int, last_ns: int) -> bool:
    """Whether an archive has rows of a time; one that does not say so may have."""
    archive = hour_archive(path)
    if archive is None or archive.sidecar is None:
        return True
    first, last = archive.sidecar.first_received_at_utc, archive.sidecar.last_received_at_utc
    return not first or not last or (parse_utc_ns(first) <= last_ns and parse_utc_ns(last) >= first_ns)
