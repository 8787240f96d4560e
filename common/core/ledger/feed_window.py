"""Follows one leg through one window of the websocket stream: its rows in order, and what the rows after it add."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from common.core.causes import Cause
from common.core.events.market_events import MarketEvent, Unusable, UnusualForms
from common.core.events.not_understood import NotUnderstood
from common.core.events.words import named_tokens
from common.core.ledger.book_window import TokenChecks
from common.core.ledger.document import GapTime, Window
from common.core.ledger.later import Later, gap_time
from common.core.ledger.token_window import TokenAccount
from common.core.ledger.told import Told, told_by
from common.core.market import Token
from common.core.merging.coverage import LegCoverage
from common.core.number_runs import Run
from common.core.rows.origin import Leg, leg_of
from common.core.rows.reading import Row
from common.core.rows.websocket import (
    DIVERGENCE,
    GAP,
    MESSAGE_RECORD,
    SESSION_CLOSED,
    SESSION_OPENED,
    SUBSCRIPTION_CHANGED,
)

_RESOLVED: Cause = "all_subscribed_assets_resolved"


class _Session(msgspec.Struct):
    """A session in the window. `end_ns` is None while it has no end here."""

    producer: str
    session_id: str
    begin_ns: int
    last_ns: int
    tokens: tuple[str, ...]
    end_ns: int | None = None


class FeedHour:
    """Takes the rows of all producers of a leg, each producer's in its order, and then what came later."""

    def __init__(self, window: Window, leg: Leg | None = None, coverage: LegCoverage | None = None) -> None:
        """`leg` and `coverage`, which is filled here, are for a window with two of them."""
        self._window, self._leg, self._coverage = window, leg, coverage
        self._sessions: dict[tuple[str, str], _Session] = {}
        self._newest: dict[str, _Session] = {}
        self.tokens: dict[str, TokenAccount] = {}
        self.gaps: list[GapTime] = []
        self.messages = 0
        self.not_understood = NotUnderstood()

    @property
    def unended(self) -> list[tuple[str, str]]:
        """Producer and id of each session that has no end in the window."""
        return [key for key, session in self._sessions.items() if session.end_ns is None]

    def take(self, row: Row, events: Collection[MarketEvent]) -> None:
        """Account for a row, and for the events in its message.

        A row that states nothing readable of its session is only a moment of it.
        """
        session = self._sessions.get((row.producer, row.session_id or ""))
        if row.record_type == MESSAGE_RECORD:
            session = session or self._first_sight(row, told_by(row))
            session.last_ns = max(session.last_ns, row.received_at_ns)
            self._take_message(row, events)
            if self._coverage is not None:
                key = (session.producer, session.session_id)
                self._coverage.message(key, row.message_sequence, row.received_at_ns, events)
            return
        if row.record_type == DIVERGENCE:  # the auditor's: of no session of its own
            return
        told = told_by(row)
        if row.record_type == GAP:
            self._take_gap(row, told)
            return
        session = session or self._first_sight(row, told)
        session.last_ns = max(session.last_ns, row.received_at_ns)
        if row.record_type == SUBSCRIPTION_CHANGED:
            self._change(session, told, row.received_at_ns)
        elif row.record_type == SESSION_CLOSED:
            self._close(session, told.session_closed.reason, row.received_at_ns)

    def _first_sight(self, row: Row, told: Told) -> _Session:
        """A session that did not open in the window was open at its start."""
        opened = row.record_type == SESSION_OPENED
        begin_ns = self._window.clip(row.received_at_ns) if opened else self._window.from_ns
        changed = told.subscription_changed
        tokens = [each for each in told.subscription.assets_ids if each not in changed.subscribed]
        session = _Session(
            row.producer,
            row.session_id or "",
            begin_ns,
            row.received_at_ns,
            (*tokens, *changed.unsubscribed),
        )
        self._sessions[session.producer, session.session_id] = session
        self._newest[session.producer] = session
        self._know(told.tokens_tracked)
        for token_id in session.tokens:
            self._subscribe(session, token_id, begin_ns, afresh=opened)
        return session

    def opened_ns(self, producer: str, session_id: str) -> int:
        """When a session was opened, 0 where that was not in the window."""
        session = self._sessions.get((producer, session_id))
        return 0 if session is None or session.begin_ns == self._window.from_ns else session.begin_ns

    def _subscribe(self, session: _Session, token_id: str, at_ns: int, *, afresh: bool) -> None:
        self._account(token_id).subscribe(at_ns, afresh=afresh)
        if self._coverage is not None:
            key = (session.producer, session.session_id)
            self._coverage.subscribe(key, token_id, self._window.clip(at_ns), afresh=afresh)

    def _end(self, session: _Session, token_id: str, at_ns: int, *, wanted_on: bool, in_order: bool) -> None:
        """`in_order`: nothing that was sent before then can have been lost with it."""
        account = self._account(token_id)
        account.end(at_ns, wanted_on=wanted_on)
        if self._coverage is not None:
            in_order = in_order or not wanted_on or account.trades_until_ns <= at_ns
            until_ns = self._window.clip(at_ns) if in_order else None
            self._coverage.end((session.producer, session.session_id), token_id, until_ns)

    def _change(self, session: _Session, told: Told, at_ns: int) -> None:
        self._know(told.tokens_tracked)
        before, after = set(session.tokens), set(told.subscription.assets_ids)
        for token_id in sorted(before - after):
            self._end(session, token_id, at_ns, wanted_on=False, in_order=True)
        for token_id in sorted(after - before):
            self._subscribe(session, token_id, at_ns, afresh=True)
        session.tokens = told.subscription.assets_ids
        for awaited in told.subscription_changed.awaiting_books:
            if awaited.token_id in after and awaited.since_ns is not None:
                self._account(awaited.token_id).awaits_book(awaited.since_ns)

    def _close(self, session: _Session, reason: str, at_ns: int) -> None:
        session.end_ns = max(self._window.clip(at_ns), session.begin_ns)
        for token_id in session.tokens:
            self._end(
                session,
                token_id,
                session.end_ns,
                wanted_on=reason != "no_active_tokens",
                in_order=reason == _RESOLVED,
            )

    def _take_gap(self, row: Row, told: Told) -> None:
        whole = gap_time(row.detail)
        gap = whole.within(self._window) if whole is not None else None
        if gap is None:
            return
        self.gaps.append(gap)
        if gap.market_slug:
            return
        self._know(told.tokens_tracked)
        for token in told.tokens_tracked:
            account = self._account(token.token_id)
            if not gap.harmless or (gap.cause == _RESOLVED and account.trades_until_ns > gap.from_ns):
                account.gaps.append(gap)  # the exchange says so too of windows that it never took up

    def _take_message(self, row: Row, events: Collection[MarketEvent]) -> None:
        self.messages += 1
        if not_understood := [each for each in events if isinstance(each, (Unusable, UnusualForms))]:
            self._take_not_understood(not_understood)
        named: dict[str, bool] = {}
        for event in events:
            for token_id, in_book in named_tokens(event):
                named[token_id] = in_book or named.get(token_id, False)
        for token_id, in_book in named.items():
            account = self.tokens.get(token_id)
            if account is not None:  # else the other outcome of a market of which only one is subscribed
                account.named(row.received_at_ns, in_book=in_book)

    def _take_not_understood(self, events: Collection[Unusable | UnusualForms]) -> None:
        self.not_understood.take(events)
        for event in events:
            if isinstance(event, Unusable) and event.of_book:
                for account in self.tokens.values():
                    account.unusable += account.subscribed and account.is_about(event)

    def _know(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            if token.token_id not in self.tokens:
                self.tokens[token.token_id] = TokenAccount(token, self._window)

    def _account(self, token_id: str) -> TokenAccount:
        if token_id not in self.tokens:
            self._know([Token("", "", token_id, "", "")])
        return self.tokens[token_id]

    def checked(self, checks: Mapping[str, TokenChecks], doubts: NotUnderstood) -> None:
        """What came of the checks of the books, by token id, and which events had a wrong time."""
        self.not_understood.add(doubts)
        for token_id, each in checks.items():
            if token_id in self.tokens:  # else the other outcome of a market of which only one is subscribed
                self.tokens[token_id].checked(each)

    def settle(self, later: Later) -> None:
        """All rows were taken. Sessions without an end last to their last row, or as far as `later` knows them."""
        for each in later.gaps_into(self._window):
            if self._leg is None or leg_of(each.leg) == self._leg:
                self._take_later_gap(each.producer, each.gap)
        for key in self.unended:
            self._end_at_the_edge(self._sessions[key], later)

    @property
    def sessions(self) -> int:
        """How many there were."""
        return len(self._sessions)

    def _take_later_gap(self, producer: str, gap: GapTime) -> None:
        """A gap declared later that names no tokens was in the way of all that were subscribed."""
        newest = self._newest.get(producer)
        self.gaps.append(gap)
        subscribed = newest.tokens if newest is not None and gap.of_all and not gap.harmless else ()
        for token_id in gap.token_ids or subscribed:
            self._account(token_id).gaps.append(gap)

    def _end_at_the_edge(self, session: _Session, later: Later) -> None:
        goes_on = later.goes_on(session.producer, session.session_id, self._window)
        session.end_ns = self._window.to_ns if goes_on else self._window.clip(session.last_ns)
        for token_id in session.tokens:
            self._end(session, token_id, session.end_ns, wanted_on=True, in_order=goes_on)

    def session_runs(self) -> Iterator[Run]:
        """When a session was open, of those that are settled."""
        for session in self._sessions.values():
            if session.end_ns is not None and session.end_ns > session.begin_ns:
                yield (session.begin_ns, session.end_ns - 1)
