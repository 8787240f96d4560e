"""Accounts for one window of the websocket stream: its rows in order, and what the rows behind it add."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from common.core.causes import Cause
from common.core.events.market_events import MarketEvent, Unusable, UnusualForms
from common.core.events.not_understood import NotUnderstood
from common.core.events.words import named_tokens
from common.core.instants import utc_text
from common.core.ledger.book_window import TokenChecks
from common.core.ledger.document import (
    LEDGER_SCHEMA_VERSION,
    Condition,
    FeedLedger,
    GapTime,
    LedgerArchive,
    Window,
    as_told,
    left_open,
    runs_of,
    seconds,
    windows_not_recorded,
    worst,
)
from common.core.ledger.later import Later, gap_time
from common.core.ledger.token_window import TokenAccount
from common.core.ledger.told import Told, told_by
from common.core.market import Token
from common.core.number_runs import Run, joined, without
from common.core.rows.names import WS_RAW
from common.core.rows.reading import Row
from common.core.rows.websocket import (
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
    """Takes the rows of all producers, each producer's in its order; `finish` makes the document."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._sessions: dict[tuple[str, str], _Session] = {}
        self._newest: dict[str, _Session] = {}
        self._tokens: dict[str, TokenAccount] = {}
        self._gaps: list[GapTime] = []
        self._messages = 0
        self._not_understood = NotUnderstood()

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
            self._account(token_id).subscribe(begin_ns, afresh=opened)
        return session

    def _change(self, session: _Session, told: Told, at_ns: int) -> None:
        self._know(told.tokens_tracked)
        before, after = set(session.tokens), set(told.subscription.assets_ids)
        for token_id in sorted(before - after):
            self._account(token_id).end(at_ns, wanted_on=False)
        for token_id in sorted(after - before):
            self._account(token_id).subscribe(at_ns, afresh=True)
        session.tokens = told.subscription.assets_ids
        for awaited in told.subscription_changed.awaiting_books:
            if awaited.token_id in after and awaited.since_ns is not None:
                self._account(awaited.token_id).awaits_book(awaited.since_ns)

    def _close(self, session: _Session, reason: str, at_ns: int) -> None:
        session.end_ns = max(self._window.clip(at_ns), session.begin_ns)
        for token_id in session.tokens:
            self._account(token_id).end(session.end_ns, wanted_on=reason != "no_active_tokens")

    def _take_gap(self, row: Row, told: Told) -> None:
        whole = gap_time(row.detail)
        gap = whole.within(self._window) if whole is not None else None
        if gap is None:
            return
        self._gaps.append(gap)
        if gap.market_slug:
            return
        self._know(told.tokens_tracked)
        for token in told.tokens_tracked:
            account = self._account(token.token_id)
            if not gap.harmless or (gap.cause == _RESOLVED and account.trades_until_ns > gap.from_ns):
                account.gaps.append(gap)  # the exchange says so too of windows that it never took up

    def _take_message(self, row: Row, events: Collection[MarketEvent]) -> None:
        self._messages += 1
        if not_understood := [each for each in events if isinstance(each, (Unusable, UnusualForms))]:
            self._take_not_understood(not_understood)
        named: dict[str, bool] = {}
        for event in events:
            for token_id, in_book in named_tokens(event):
                named[token_id] = in_book or named.get(token_id, False)
        for token_id, in_book in named.items():
            account = self._tokens.get(token_id)
            if account is not None:  # else the other outcome of a market of which only one is subscribed
                account.named(row.received_at_ns, in_book=in_book)

    def _take_not_understood(self, events: Collection[Unusable | UnusualForms]) -> None:
        self._not_understood.take(events)
        for event in events:
            if isinstance(event, Unusable) and event.of_book:
                for account in self._tokens.values():
                    account.unusable += account.subscribed and account.is_about(event)

    def _know(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            if token.token_id not in self._tokens:
                self._tokens[token.token_id] = TokenAccount(token, self._window)

    def _account(self, token_id: str) -> TokenAccount:
        if token_id not in self._tokens:
            self._know([Token("", "", token_id, "", "")])
        return self._tokens[token_id]

    def checked(self, checks: Mapping[str, TokenChecks], doubts: NotUnderstood) -> None:
        """What came of the checks of the books, by token id, and which events had a wrong time."""
        self._not_understood.add(doubts)
        for token_id, each in checks.items():
            if token_id in self._tokens:  # else the other outcome of a market of which only one is subscribed
                self._tokens[token_id].checked(each)

    def finish(
        self, later: Later, archives: tuple[LedgerArchive, ...], unreadable: tuple[str, ...]
    ) -> FeedLedger:
        """The document. Sessions without an end last to their last row, or as far as `later` knows them."""
        for producer, gap in later.gaps_into(self._window):
            self._take_later_gap(producer, gap)
        for key in self.unended:
            self._end_at_the_edge(self._sessions[key], later)
        tokens = tuple(
            sorted(
                (account.result() for account in self._tokens.values()),
                key=lambda token: (token.market_slug, token.outcome, token.token_id),
            )
        )
        sessions = joined(self._session_runs())
        in_gaps = runs_of(gap for gap in self._gaps if gap.of_all)
        unaccounted = left_open([self._window.run], [*sessions, *in_gaps])
        harmful = runs_of(gap for gap in self._gaps if not gap.harmless)
        conditions: list[Condition] = [
            "gap" if each.condition == "missing" else each.condition for each in tokens
        ]
        conditions += ["gap"] if harmful or unaccounted else []
        conditions += ["degraded"] if self._not_understood.events else []
        return FeedLedger(
            schema_version=LEDGER_SCHEMA_VERSION,
            stream=WS_RAW,
            from_utc=utc_text(self._window.from_ns),
            to_utc=utc_text(self._window.to_ns),
            condition=worst(conditions) if sessions else "missing",
            connected_seconds=seconds(without(sessions, in_gaps)),
            unaccounted_seconds=seconds(unaccounted),
            checks_passed=sum(token.checks_passed for token in tokens),
            divergences=sum(token.divergences for token in tokens),
            wrong_batches=sum(token.wrong_batches for token in tokens),
            longest_pause_seconds=max((seconds([run]) for run in (*in_gaps, *unaccounted)), default=0.0),
            gaps=as_told(self._gaps),
            unusable=self._not_understood.unused(),
            unusual_forms=self._not_understood.forms,
            sessions=len(self._sessions),
            messages=self._messages,
            archives=archives,
            unreadable=unreadable,
            tokens=tokens,
            not_recorded=windows_not_recorded(self._gaps),
        )

    def _take_later_gap(self, producer: str, gap: GapTime) -> None:
        """A gap declared later that names no tokens was in the way of all that were subscribed."""
        newest = self._newest.get(producer)
        self._gaps.append(gap)
        subscribed = newest.tokens if newest is not None and gap.of_all and not gap.harmless else ()
        for token_id in gap.token_ids or subscribed:
            self._account(token_id).gaps.append(gap)

    def _end_at_the_edge(self, session: _Session, later: Later) -> None:
        goes_on = later.goes_on(session.producer, session.session_id, self._window)
        session.end_ns = self._window.to_ns if goes_on else self._window.clip(session.last_ns)
        for token_id in session.tokens:
            self._account(token_id).end(session.end_ns, wanted_on=True)

    def _session_runs(self) -> Iterator[Run]:
        for session in self._sessions.values():
            if session.end_ns is not None and session.end_ns > session.begin_ns:
                yield (session.begin_ns, session.end_ns - 1)
