"""What the stream `resolution` holds of each window, put together with what the ledgers and the feed say of it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from common.archive.read import closed_archives, iterate_lines
from common.archive.windows.books import BookFacts, Books
from common.archive.windows.feed import WEBSOCKET, Feed
from common.core.discovery.gamma_values import name_of, value_of
from common.core.discovery.market_window import window_of
from common.core.discovery.outcome_ids import UnreadableError
from common.core.discovery.rolling_series import series_of_slug, span_of_slug
from common.core.instants import NS_PER_SECOND
from common.core.market import Token, canonical_condition_id
from common.core.resolution.answers import Told, gamma_object, strike_in, told_by_data_api, told_by_gamma
from common.core.resolution.window import WindowFacts, with_tellings
from common.core.rows.details import Response
from common.core.rows.names import RESOLUTION, stream_of, window_start_of
from common.core.rows.reading import Row, row_of
from common.core.rows.rest import MARKET_METADATA
from common.errors import ArchiveError

LATE_NS = 48 * 3600 * NS_PER_SECOND  # answers about a window come so long before or after its end, at most


def answers_of(root: Path, since_ns: int, until_ns: int) -> Iterator[Row]:
    """The rows of the stream that may be about windows which end in a time, archive after archive."""
    if not root.exists():
        raise ArchiveError(f"{root}: there is no such folder; choose another --data-root")
    for path in closed_archives(root):
        start_ns = window_start_of(path.name)
        if stream_of(path.name) != RESOLUTION:
            continue
        if start_ns is None or since_ns - LATE_NS <= start_ns < until_ns + LATE_NS:
            yield from map(row_of, iterate_lines(path))


class Answers:
    """What the rows of the stream, the ledgers and the feed say of each window, by its market's slug."""

    def __init__(self) -> None:
        self._windows: dict[str, WindowFacts] = {}
        self._tellings: dict[str, dict[str, list[tuple[int, Told]]]] = {}
        self._books: dict[str, list[BookFacts]] = {}
        self._trades: Counter[str] = Counter()
        self._feeds_read = False

    def take(self, row: Row) -> None:
        """A row of the stream `resolution`."""
        tokens: dict[str, list[Token]] = {}
        for token in row.tokens:
            tokens.setdefault(token.market_slug, []).append(token)
        for slug, listed in tokens.items():
            if slug not in self._windows and (begun := _begun(slug, listed, row)) is not None:
                self._windows[slug] = begun
        if (row.response or Response()).status_code != 200:
            return
        body = row.payload or b""
        market = gamma_object(body)
        if market is not None:
            for slug in tokens:
                self._take_market(slug, row, market)
        elif row.record_type != MARKET_METADATA:
            self._take_resolutions(row, tokens, body)

    def _take_market(self, slug: str, row: Row, market: Mapping[str, Any]) -> None:
        window = self._windows.get(slug)
        if window is not None:
            self._windows[slug] = _described(window, market)
        told = told_by_gamma(market)
        if row.record_type != MARKET_METADATA:
            self._tell(slug, "gamma", row.received_at_ns, told)

    def _take_resolutions(self, row: Row, tokens: Mapping[str, list[Token]], body: bytes) -> None:
        outcomes = {
            canonical_condition_id(listed[0].condition_id): tuple(token.outcome for token in listed)
            for listed in tokens.values()
        }
        told = told_by_data_api(body, outcomes)
        if told is None:
            return
        for slug, listed in tokens.items():
            condition = canonical_condition_id(listed[0].condition_id)
            self._tell(slug, "data_api", row.received_at_ns, told.get(condition))

    def _tell(self, slug: str, source: str, at_ns: int, told: Told | None) -> None:
        """Nothing said before the first outcome is not news; afterwards it takes the outcome back."""
        said = self._tellings.setdefault(slug, {}).setdefault(source, [])
        if told is not None or said:
            said.append((at_ns, told or Told("")))

    def add_books(self, books: Books) -> None:
        """What the ledgers of one data root say."""
        for slug, facts in books.by_slug().items():
            self._books.setdefault(slug, []).append(facts)
            if slug not in self._windows and (begun := _by_slug(slug)) is not None:
                self._windows[slug] = begun

    def add_feed(self, feed: Feed) -> None:
        """What the feed of one data root says; of trades the fuller recording counts."""
        self._feeds_read = True
        for slug, count in feed.trades().items():
            self._trades[slug] = max(self._trades[slug], count)
        for slug, at_ns, told in feed.resolved:
            self._tell(slug, WEBSOCKET, at_ns, told)

    @property
    def windows(self) -> list[WindowFacts]:
        """Those that are known, as they are listed."""
        return list(self._windows.values())

    def told(self, window: WindowFacts) -> WindowFacts:
        """With all but its prices."""
        said = self._tellings.get(window.market_slug, {})
        tellings = {source: [told for _, told in sorted(each, key=_at)] for source, each in said.items()}
        best = max(self._books.get(window.market_slug, ()), key=lambda each: each.coverage, default=None)
        window = msgspec.structs.replace(
            window,
            trades=self._trades[window.market_slug] if self._feeds_read else None,
            messages=best.messages if best else None,
            coverage=best.coverage if best else None,
            condition=best.condition if best else "",
        )
        return with_tellings(window, tellings)


def _at(telling: tuple[int, Told]) -> int:
    return telling[0]


def _begun(slug: str, tokens: list[Token], row: Row) -> WindowFacts | None:
    """A window by the tokens that were asked about; None for a market without one."""
    end_ns = tokens[0].trades_until_ns
    if end_ns is None:
        return None
    span = span_of_slug(slug)
    return WindowFacts(
        market_slug=slug,
        condition_id=tokens[0].condition_id,
        series=series_of_slug(slug) or "",
        start_ns=span.start * NS_PER_SECOND if span else end_ns,
        end_ns=end_ns,
        outcomes=tuple(token.outcome for token in tokens),
        exchange=row.exchange,
    )


def _by_slug(slug: str) -> WindowFacts | None:
    """A window of which only ledgers tell; its slug says when it is."""
    span = span_of_slug(slug)
    if span is None:
        return None
    return WindowFacts(
        market_slug=slug,
        condition_id="",
        series=series_of_slug(slug) or "",
        start_ns=span.start * NS_PER_SECOND,
        end_ns=span.end * NS_PER_SECOND,
        outcomes=("Up", "Down"),
    )


def _described(window: WindowFacts, market: Mapping[str, Any]) -> WindowFacts:
    try:
        times = window_of(market, window.series, [])
    except UnreadableError:
        times = None
    return msgspec.structs.replace(
        window,
        start_ns=times.start_ns if times else window.start_ns,
        question=name_of(value_of(market, "question")) or window.question,
        strike=strike_in(market) or window.strike,
    )
