"""One token over one window of the websocket stream: when it was connected, heard of, and what spoke against it."""

from collections.abc import Sequence

from common.core.events.market_events import Unusable
from common.core.instants import NS_PER_SECOND
from common.core.ledger.book_window import TokenChecks
from common.core.ledger.document import (
    Condition,
    GapTime,
    TokenHour,
    Window,
    as_told,
    left_open,
    runs_of,
    seconds,
)
from common.core.market import Token, canonical_condition_id
from common.core.number_runs import Run, joined, without

SILENCE_NS = 60 * NS_PER_SECOND
WRONG_SHARE = 0.001  # of the connected time, for which a book that is complete may have been wrong
FIRST_BOOK_NS = 30 * NS_PER_SECOND


class TokenAccount:
    """Filled in the order of time; `until` closes it at the window's end."""

    def __init__(self, token: Token, window: Window) -> None:
        self.gaps: list[GapTime] = []
        self.messages = self.unusable = 0
        self._token, self._window = token, window
        self._connections: list[Run] = []
        self._since_ns: int | None = None
        self._asked_for_book_ns: int | None = None
        self._book_waits_ns: list[int] = []
        self._books_missing = 0
        self._heard_ns = 0
        self._silent_ns = 0
        self._wanted_from_ns: int | None = None
        self._wanted_on = False
        self._checks = TokenChecks()

    def is_about(self, event: Unusable) -> bool:
        """Whether an unusable event is about this token, for all that it lets know."""
        if event.token_ids:
            return self._token.token_id in event.token_ids
        market = canonical_condition_id(event.market)
        return market in {"", canonical_condition_id(self._token.condition_id)}

    @property
    def subscribed(self) -> bool:
        """Whether it is subscribed in an open session."""
        return self._since_ns is not None

    def subscribe(self, at_ns: int, *, afresh: bool) -> None:
        """It is subscribed from here on; `afresh`: just now, so that its opening book is to come."""
        at_ns = self._window.clip(at_ns)
        if self._wanted_from_ns is None:
            self._wanted_from_ns = at_ns
        self._since_ns = self._heard_ns = at_ns
        self._asked_for_book_ns = at_ns if afresh else None
        self._wanted_on = True

    def awaits_book(self, since_ns: int) -> None:
        """It was subscribed before the window, asked for its opening book at that time, and still has none."""
        if self.subscribed and self._asked_for_book_ns is None and since_ns < self._window.from_ns:
            self._asked_for_book_ns = since_ns

    def end(self, at_ns: int, *, wanted_on: bool) -> None:
        """Its subscription ends; `wanted_on`: not because nobody wants it any more."""
        if self._since_ns is None:
            return
        at_ns = max(self._window.clip(at_ns), self._since_ns)
        self._note_silence(at_ns)
        self._note_missing_book(at_ns)
        if at_ns > self._since_ns:
            self._connections.append((self._since_ns, at_ns - 1))
        self._since_ns, self._wanted_on = None, wanted_on

    def named(self, at_ns: int, *, in_book: bool) -> None:
        """A message names it, perhaps with its whole book."""
        self.messages += 1
        if self._since_ns is not None:
            self._note_silence(at_ns)
            self._heard_ns = max(at_ns, self._heard_ns)
        if in_book and self._asked_for_book_ns is not None:
            self._note_book(self._asked_for_book_ns, at_ns)

    def checked(self, checks: TokenChecks) -> None:
        """What came of the checks of its book."""
        self._checks = checks

    def _note_silence(self, at_ns: int) -> None:
        if at_ns - self._heard_ns > SILENCE_NS:
            self._silent_ns += at_ns - self._heard_ns

    def _note_book(self, asked_ns: int, at_ns: int) -> None:
        self._asked_for_book_ns = None
        self._book_waits_ns.append(max(0, at_ns - asked_ns))
        if asked_ns < self._window.from_ns:
            self._books_missing += self._became_late(asked_ns, at_ns)

    def _note_missing_book(self, at_ns: int) -> None:
        asked_ns, self._asked_for_book_ns = self._asked_for_book_ns, None
        if asked_ns is not None:
            self._books_missing += self._became_late(asked_ns, at_ns)

    def _became_late(self, asked_ns: int, at_ns: int) -> bool:
        """Whether a book was late by then, and not already at the window's start: the window before counted that."""
        late_from_ns = asked_ns + FIRST_BOOK_NS
        until_ns = self.trades_until_ns
        return min(self._window.from_ns, until_ns) <= late_from_ns < min(at_ns, until_ns)

    @property
    def trades_until_ns(self) -> int:
        """The end of its market; the window's end where it is not known or has none."""
        until_ns = self._token.trades_until_ns
        return self._window.to_ns if until_ns is None else until_ns

    @property
    def connected(self) -> list[Run]:
        """When it was subscribed in an open session, of the subscriptions that are ended."""
        return joined(self._connections)

    @property
    def span(self) -> list[Run]:
        """The time that should have been recorded, once all its subscriptions are ended."""
        return joined([*self._wanted(self.connected), *runs_of(self.gaps)])

    @property
    def checks(self) -> TokenChecks:
        """What came of the checks of its book."""
        return self._checks

    def result(self) -> TokenHour:
        """What the ledger says of it, once all its subscriptions are ended."""
        in_gaps, connected = runs_of(self.gaps), self.connected
        unaccounted = left_open(self._wanted(connected), [*connected, *in_gaps])
        counted = without(connected, in_gaps)
        unusable_events = self.unusable + self._checks.doubts
        return TokenHour(
            token_id=self._token.token_id,
            market_slug=self._token.market_slug,
            outcome=self._token.outcome,
            condition=condition_of(
                counted,
                [*in_gaps, *unaccounted],
                is_degraded=bool(self._books_missing or self._checks.divergences or unusable_events),
                wrong_seconds=self._checks.wrong_ms / 1000,
            ),
            connected_seconds=seconds(counted),
            silent_seconds=round(self._silent_ns / NS_PER_SECOND, 3),
            gap_seconds=seconds(in_gaps),
            unaccounted_seconds=seconds(unaccounted),
            gaps=as_told(self.gaps),
            messages=self.messages,
            first_book_seconds=self._slowest_book_seconds(),
            books_missing=self._books_missing,
            checks_passed=self._checks.passed,
            size_only=self._checks.size_only,
            divergences=self._checks.divergences,
            not_checkable=self._checks.not_checkable,
            unusable_events=unusable_events,
            wrong_batches=self._checks.wrong_batches,
            wrong_seconds=self._checks.wrong_ms / 1000,
        )

    def _wanted(self, connected: Sequence[Run]) -> list[Run]:
        """From its first subscription to the end of its last one, or beyond where only the session ended."""
        if self._wanted_from_ns is None:
            return []
        last = connected[-1][1] if connected else self._wanted_from_ns
        if self._wanted_on:
            last = max(last, min(self._window.to_ns - 1, self.trades_until_ns))
        return [(self._wanted_from_ns, last)] if last > self._wanted_from_ns else []

    def _slowest_book_seconds(self) -> float | None:
        return round(max(self._book_waits_ns) / NS_PER_SECOND, 3) if self._book_waits_ns else None


def condition_of(
    connected: Sequence[Run], missing: Sequence[Run], *, is_degraded: bool, wrong_seconds: float
) -> Condition:
    """Of a token by when it was connected and what of its time is missing."""
    if missing:
        return "gap" if connected else "missing"
    is_wrong = wrong_seconds > WRONG_SHARE * seconds(connected)
    return "degraded" if is_degraded or is_wrong else "complete"
