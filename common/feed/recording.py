"""What a websocket reader puts into its outbox: messages, and the rows that tell the life of its sessions."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from common.core.causes import Cause
from common.core.clock_step import on_new_clock
from common.core.discovery.due_windows import WindowGap
from common.core.envelope import Context
from common.core.feed.left_tokens import TokenGap
from common.core.instants import utc_text
from common.core.market import Token
from common.core.rows.gap import Gap
from common.core.rows.websocket import (
    GAP,
    SESSION_CLOSED,
    SESSION_OPENED,
    SUBSCRIPTION_CHANGED,
    control_row,
    subscription_json,
    tokens_tracked_json,
)
from common.queue.lost import Lost
from common.queue.outbox import Outbox

RECENT_GAPS = 50


class Now(msgspec.Struct, frozen=True, gc=False):
    """One instant on both clocks, in nanoseconds."""

    wall_ns: int
    monotonic_ns: int


class Recording:
    """Numbers and keeps messages; opens, changes and closes sessions; declares gaps.

    An outbox whose process died with an open session first gets that session's end, then the outage as a gap.
    """

    def __init__(self, outbox: Outbox, now: Now, *, gaps_before: Iterable[Gap] = ()) -> None:
        self._outbox = outbox
        self._last_context = outbox.newest_context
        self._revision = 0
        self._began_ns = now.wall_ns
        self._sequence = outbox.numbers.session_messages
        self._outage: tuple[int, Cause] | None = None
        self._waiting_rows: deque[tuple[bytes, Now]] = deque()
        self.recent_gaps = deque(gaps_before, maxlen=RECENT_GAPS)
        self.gaps_declared = Counter[Cause]()
        if outbox.files.session_is_open:
            self.close_session("reader_died", "", now, silent_since_ns=outbox.numbers.last_received_at_ns)
        elif (noted := outbox.files.outage) is not None:
            self._outage = (noted.since_ns, noted.cause)

    @property
    def complete(self) -> bool:
        """Whether every row found its room, and every refused message its gap row."""
        return not self._waiting_rows and not self._outbox.undeclared

    @property
    def session_messages(self) -> int:
        """Messages of the newest session so far."""
        return self._sequence

    def told_until_ns(self, now: Now) -> int:
        """Up to this wall time every message and outage is in a row of the outbox."""
        known = [now.wall_ns]
        if self._waiting_rows:
            known.append(self._waiting_rows[0][1].wall_ns)
        if self._outbox.undeclared:
            known.append(self._outbox.numbers.refused_since_ns)
        if not self._outbox.files.session_is_open:
            known.append(self._outage[0] if self._outage is not None else self._began_ns)
        return min(known)

    @property
    def outage_since_ns(self) -> int | None:
        """Since when (wall time) no session is open; None while one is, and before the first."""
        return self._outage[0] if self._outage is not None else None

    def open_session(
        self, session_id: str, url: str, tokens: Sequence[Token], now: Now, detail: Mapping[str, object]
    ) -> None:
        """The subscription of a new session was sent; an outage before it becomes a gap row."""
        self._sequence = 0
        self._new_context(session_id, self._outbox.numbers.connections, url, tokens, revision=1)
        self._row(SESSION_OPENED, detail, now)
        if self._outage is not None:
            (since_ns, cause), self._outage = self._outage, None
            self._declare_outage(since_ns, cause, now)

    def change_subscription(self, tokens: Sequence[Token], now: Now, detail: Mapping[str, object]) -> None:
        """The tokens of the open session changed: what follows belongs to a new revision."""
        context = self._context()
        self._new_context(
            context.session_id, context.connection_sequence, context.url, tokens, revision=self._revision + 1
        )
        self._row(SUBSCRIPTION_CHANGED, detail, now)

    def _new_context(
        self, session_id: str, connection_sequence: int, url: str, tokens: Sequence[Token], *, revision: int
    ) -> None:
        self._revision = revision
        self._last_context = self._outbox.open_context(
            session_id=session_id,
            connection_sequence=connection_sequence,
            url=url,
            subscription_json=subscription_json(revision, [token.token_id for token in tokens]),
            tokens_tracked_json=tokens_tracked_json(tokens),
        )

    def messages(self, payloads: list[bytes], opcode: int, now: Now) -> None:
        """Number messages of the open session, received at one instant, and keep them.

        Where there is no room for one of them, a gap begins.
        """
        first = self._sequence + 1
        self._sequence += len(payloads)
        self._outbox.append_messages(
            payloads,
            opcode=opcode,
            context=self._context().number,
            message_sequence=first,
            received_at_ns=now.wall_ns,
            received_monotonic_ns=now.monotonic_ns,
        )

    def close_session(
        self, reason: Cause, words: str, now: Now, *, silent_since_ns: int | None = None
    ) -> None:
        """The session is over; until the next one opens there is an outage."""
        self._row(SESSION_CLOSED, {"reason": reason, "detail": words, "messages": self._sequence}, now)
        self._outage = (silent_since_ns or now.wall_ns, reason)
        self._outbox.files.note_outage(*self._outage)
        self._outbox.files.close_session()

    def turn_window(
        self, url: str, now: Now, *, idle: bool, awaited: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """A new archive window begins: say what holds at its start, so that a silent one is accounted for.

        In a session that is the subscription, unchanged; outside of one it is a gap up to now. `idle`: there is
        nothing to connect for. `awaited`: the tokens whose opening book has not come, and since when (monotonic).
        """
        if self._outbox.files.session_is_open:
            detail = {"subscribed": [], "unsubscribed": [], "reason": "window_opened"}
            self._row(SUBSCRIPTION_CHANGED, detail | _awaiting_books(awaited, now), now)
            return
        self._have_context(url)
        no_session_yet: Cause = "no_active_tokens" if idle else "not_yet_connected"
        since_ns, cause = self._outage or (self._began_ns, no_session_yet)
        self._declare_outage(since_ns, cause, now)
        self._outage = (now.wall_ns, cause)

    def clock_set(self, step_ns: int, now: Now) -> None:
        """The wall clock was set by so much: an outage began on the clock of before."""
        self._began_ns = on_new_clock(self._began_ns, step_ns, now.wall_ns)
        if self._outage is not None:
            since_ns, cause = self._outage
            self._outage = on_new_clock(since_ns, step_ns, now.wall_ns), cause
            self._outbox.files.note_outage(*self._outage)

    def _have_context(self, url: str) -> None:
        if self._last_context is None:
            self._new_context("", 0, url, (), revision=0)
            self._outbox.files.close_session()

    def _declare_outage(self, since_ns: int, cause: Cause, now: Now) -> None:
        gap = Gap(cause=cause, from_utc=utc_text(since_ns), to_utc=utc_text(now.wall_ns))
        self._row(GAP, gap, now)
        self._note_gap(gap, now)

    def token_gap(self, cause: Cause, gap: TokenGap, now: Now) -> None:
        """Messages of these tokens alone may be missing: the row tracks them and no others."""
        detail = Gap(
            cause=cause,
            from_utc=utc_text(gap.from_ns),
            to_utc=utc_text(gap.to_ns),
            token_ids=tuple(token.token_id for token in gap.tokens),
        )
        self._row(GAP, detail, now, tracked=gap.tokens)
        self._note_gap(detail, now)

    def window_gap(self, gap: WindowGap, url: str, now: Now) -> None:
        """A window was open and not recorded. Its tokens are not known, so the row tracks none."""
        self._have_context(url)
        detail = Gap(
            cause="window_not_recorded",
            from_utc=utc_text(gap.from_ns),
            to_utc=utc_text(gap.to_ns),
            market_slug=gap.market_slug,
            reason=gap.reason,
        )
        self._row(GAP, detail, now, tracked=())
        self._note_gap(detail, now)

    def catch_up(self, now: Now) -> None:
        """Once there is room again: declare the refused numbers, and write the rows that had to wait."""
        while self._waiting_rows and self._append(*self._waiting_rows[0]):
            self._waiting_rows.popleft()
        for lost in () if self._waiting_rows else tuple(self._outbox.agreement.lost):
            self._declare_lost(lost, now)
        refused = self._outbox.undeclared
        if not refused or self._waiting_rows or not self._outbox.has_room:
            return
        gap = Gap(
            cause="spool_full",
            from_utc=utc_text(self._outbox.numbers.refused_since_ns),
            to_utc=utc_text(self._outbox.numbers.last_received_at_ns),
            first_global_message_sequence=refused[0],
            last_global_message_sequence=refused[-1],
            messages=len(refused),
        )
        row = self._build(GAP, gap, now)
        if self._outbox.append_gap_row(
            row, received_at_ns=now.wall_ns, received_monotonic_ns=now.monotonic_ns
        ):
            self._note_gap(gap, now)

    def _declare_lost(self, lost: Lost, now: Now) -> None:
        """Archives that were there once are not there now."""
        if self._last_context is None:
            self._new_context("", 0, "", (), revision=0)
            self._outbox.files.close_session()
        gap = lost.gap(messages=lost.numbers)
        if self._append(self._build(GAP, gap, now), now):
            self._outbox.agreement.declared(lost)
            self._note_gap(gap, now)

    def _note_gap(self, gap: Gap, now: Now) -> None:
        self.gaps_declared[gap.cause] += 1
        self.recent_gaps.append(gap.declared(utc_text(now.wall_ns)))

    def _row(
        self,
        record_type: str,
        detail: Mapping[str, object] | Gap,
        now: Now,
        *,
        tracked: Sequence[Token] | None = None,
    ) -> None:
        row = self._build(record_type, detail, now, tracked=tracked)
        if self._waiting_rows or not self._append(row, now):
            self._waiting_rows.append((row, now))

    def _append(self, row: bytes, now: Now) -> bool:
        return self._outbox.append_row(
            row, received_at_ns=now.wall_ns, received_monotonic_ns=now.monotonic_ns
        )

    def _build(
        self,
        record_type: str,
        detail: Mapping[str, object] | Gap,
        now: Now,
        *,
        tracked: Sequence[Token] | None = None,
    ) -> bytes:
        context = self._context()
        if tracked is not None:
            context = msgspec.structs.replace(context, tokens_tracked_json=tokens_tracked_json(tracked))
        return control_row(
            record_type,
            context,
            origin=self._outbox.identity.origin,
            received_at_ns=now.wall_ns,
            received_monotonic_ns=now.monotonic_ns,
            detail=detail,
        )

    def _context(self) -> Context:
        assert self._last_context is not None, "a session was opened before anything is recorded of it"
        return self._last_context


def _awaiting_books(awaited: Mapping[str, int], now: Now) -> dict[str, object]:
    """A list, not an object by token id: readers that make columns of keys would make one of each token."""
    since_utc = {
        token_id: utc_text(now.wall_ns - (now.monotonic_ns - since_ns))
        for token_id, since_ns in awaited.items()
    }
    told = [{"token_id": token_id, "since_utc": since} for token_id, since in sorted(since_utc.items())]
    return {"awaiting_books": told} if told else {}
