"""Mid prices, gaps and winners of windows, from one replay of their stretch: what the page's small charts show."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from common.archive.replay import Row, Step, replay
from common.archive.views.book_views import Recording
from common.core.books.connection import Books
from common.core.events.market_events import MarketResolved
from common.core.events.reader import read_events
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.ledger.later import gap_time
from common.core.number_runs import Run, common, joined, without
from common.core.page.prices import mid
from common.core.page.windows import AskedWindow, WindowChart, WindowsQuestion
from common.core.rows.origin import LEGS, leg_in_name
from common.core.rows.websocket import GAP

SETTLE_NS = 600 * NS_PER_SECOND  # after its end, in which the exchange resolves a window
RESOLVED = "market_resolved"
MINUTE_NS = 60 * NS_PER_SECOND
NEVER_NS = 1 << 63
LOOK_BACKS_NS = (30 * NS_PER_SECOND, 600 * NS_PER_SECOND)  # for the book that a window begins with


def window_charts(recording: Recording, question: WindowsQuestion) -> list[WindowChart]:
    """The charts of a question's windows. Raises ArchiveError."""
    for back_ns in LOOK_BACKS_NS:
        reading = _Reading(question)
        since_ns = max(question.from_ns - back_ns, 0)
        reading.take(replay(recording.rows(since_ns, question.to_ns)))
        if reading.first_ns > since_ns + back_ns // 2 or not reading.lacks_a_begin:
            break  # further back there is nothing that could help
    for leg in LEGS:
        of_leg = msgspec.structs.replace(recording, leg=leg)
        reading.settle(of_leg.rows(question.to_ns, question.to_ns + SETTLE_NS + MINUTE_NS))
    reading.end()
    return [reading.chart(line) for line in reading.lines]


class _Line:
    """What is known of a window while its rows pass by: of its first outcome, which stands for both."""

    def __init__(self, asked: AskedWindow, points: int) -> None:
        self.window, self.from_ns, self.to_ns = asked.window, asked.from_ns, asked.to_ns
        self.token_id = self.window.tokens[0].token_id
        self.outcomes = {token.token_id: token.outcome for token in self.window.tokens}
        self.winner: str | None = None
        self.mids: list[float | None] = []
        self.known: list[Run] = []
        self.gaps: dict[str, list[Run]] = {}  # as they were declared, by leg
        self.books: Books | None = None  # those that its book is among
        self._best: tuple[str | None, str | None] = (None, None)
        self._since_ns: int | None = None
        self._instants = iter(asked.instants_ns(points))
        self.next_ns = next(self._instants, NEVER_NS)

    def knows(self, at_ns: int) -> bool:
        """Whether its book was known by then, or before."""
        began = [first for first, _ in self.known] + ([] if self._since_ns is None else [self._since_ns])
        return any(first <= at_ns for first in began)

    def changed(self, at_ns: int, books: Books) -> None:
        book = books.get(self.token_id)
        self.books = books
        if book is None:
            self.ended(at_ns)
            return
        self._best = book.best_bid, book.best_ask
        if self._since_ns is None:
            self._since_ns = at_ns

    def ended(self, at_ns: int) -> None:
        if self._since_ns is not None:
            self.known.append((self._since_ns, at_ns))
        self._since_ns, self._best = None, (None, None)

    def sample_until(self, at_ns: int) -> None:
        """Note the price at the instants before one."""
        while self.next_ns < at_ns:
            self.mids.append(mid(*self._best))
            self.next_ns = next(self._instants, NEVER_NS)

    def is_over(self, newest_ns: int) -> bool:
        over = newest_ns > self.to_ns
        return over and (self.winner is not None or newest_ns > self.to_ns + SETTLE_NS)


class _Reading:
    """Follows the steps of a replay for all windows of a question."""

    def __init__(self, question: WindowsQuestion) -> None:
        self.question = question
        self.lines = [_Line(asked, question.points) for asked in question.asked]
        self._by_token = {line.token_id: line for line in self.lines}
        self._of_any_token = {token_id: line for line in self.lines for token_id in line.outcomes}
        self._legs: dict[str, Run] = {}  # the first and the last row of each
        self._newest_ns = self.first_ns = 0
        self._next_ns = min(line.next_ns for line in self.lines)

    @property
    def lacks_a_begin(self) -> bool:
        """Whether a window begins without a book, and there may be one before what was read."""
        return not all(line.knows(line.from_ns) for line in self.lines)

    def take(self, steps: Iterable[Step]) -> None:
        """Follow the books to the end of the last window."""
        for step in steps:
            self._pass(step.row)
            if step.broken is not None:
                self._break(step, step.broken.token_ids)
            for token_id in step.token_ids:
                if (line := self._by_token.get(token_id)) is not None:
                    line.changed(self._newest_ns, step.books)
            if isinstance(step.event, MarketResolved):
                self._resolve(step.event)
            elif step.row.record_type == GAP:
                self._declare(step.row)

    def settle(self, rows: Iterable[Row]) -> None:
        """What one leg heard after the last window: winners, and gaps that reach back. No book is followed any more."""
        for row in rows:
            self._note(row)
            if RESOLVED in row.classified_event_types:
                for event in read_events(row.payload_json):
                    if isinstance(event, MarketResolved):
                        self._resolve(event)
            elif row.record_type == GAP:
                self._declare(row)
            if all(line.is_over(row.received_at_ns) for line in self.lines):
                break

    def _pass(self, row: Row) -> None:
        """Time has come to a row: what was known until then is noted at the instants before it."""
        self._note(row)
        if self._next_ns < self._newest_ns:
            self._sample_until(self._newest_ns)

    def _note(self, row: Row) -> None:
        at_ns = row.received_at_ns
        self._newest_ns, self.first_ns = max(at_ns, self._newest_ns), self.first_ns or at_ns
        leg = row.leg or leg_in_name(row.producer)
        self._legs[leg] = (self._legs.get(leg, (at_ns, at_ns))[0], at_ns)

    def _sample_until(self, at_ns: int) -> None:
        for line in self.lines:
            line.sample_until(at_ns)
        self._next_ns = min(line.next_ns for line in self.lines)

    def end(self) -> None:
        """Of instants after the end of the archives nothing is known."""
        self._sample_until(self._newest_ns + 1)
        for line in self.lines:
            line.ended(self._newest_ns)
        self._sample_until(NEVER_NS)

    def _break(self, step: Step, token_ids: Sequence[str] | None) -> None:
        for line in self.lines:
            if line.books is step.books and (token_ids is None or line.token_id in token_ids):
                line.ended(self._newest_ns)

    def _resolve(self, event: MarketResolved) -> None:
        winner = event.winning_token_id or ""
        for token_id in (winner, *event.token_ids):
            line = self._of_any_token.get(token_id)
            if line is not None:
                line.winner = line.outcomes.get(winner) or event.winning_outcome
                return

    def _declare(self, row: Row) -> None:
        gap = gap_time(row.detail)
        if gap is None or gap.harmless:
            return
        leg = row.leg or leg_in_name(row.producer)
        concerned = set(gap.token_ids) or set(row.subscribed.assets_ids)
        for line in self.lines:
            named = gap.market_slug == line.window.slug if gap.market_slug else line.token_id in concerned
            if named:
                line.gaps.setdefault(leg, []).append((gap.from_ns, max(gap.from_ns, gap.to_ns - 1)))

    def chart(self, line: _Line) -> WindowChart:
        """What became of a line."""
        from_ns, to_ns = line.from_ns, line.to_ns
        told = joined((max(first, from_ns), min(last, to_ns)) for first, last in self._gaps_of(line))
        length = max(to_ns - from_ns, 1)
        return WindowChart(
            slug=line.window.slug,
            mids=tuple(line.mids),
            gaps=tuple(((first - from_ns) / length, (last - from_ns) / length) for first, last in told),
            winner=line.winner,
            recorded_until_utc=utc_text(self._newest_ns) if self._newest_ns else None,
            final=line.window.end_ns is not None and line.is_over(self._newest_ns),
        )

    def _gaps_of(self, line: _Line) -> Iterator[Run]:
        """Where no book is known, or every leg declared a gap or has no rows; up to where archives end."""
        until_ns = min(line.to_ns, self._newest_ns)
        whole = [(line.from_ns, until_ns)] if until_ns > line.from_ns else []
        everywhere = whole
        for leg, (first, last) in self._legs.items():
            absent = without(whole, [(first, last)])
            everywhere = common(everywhere, [*line.gaps.get(leg, ()), *absent])
        unknown = without(whole, joined(line.known))
        return iter(joined([*unknown, *everywhere]))
