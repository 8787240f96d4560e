"""What the rows of many archives say together, by session and producer: numbers, subscriptions, declared gaps.

Filled archive by archive, in any order; memory is bounded by sessions, not by rows.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from common.core.instants import parse_utc_ns
from common.core.market import Token
from common.core.number_runs import NumberRuns, Run, joined, overlaps
from common.core.rows.reading import Row
from common.core.rows.rest import REQUEST_RECORDS
from common.core.rows.websocket import (
    DIVERGENCE,
    GAP,
    MESSAGE_RECORD,
    SESSION_CLOSED,
    SESSION_OPENED,
    SUBSCRIPTION_CHANGED,
)
from common.core.verify.session import DeclaredGap, SessionAccount, SessionEnd, Subscription
from common.errors import ArchiveError

GAP_NUMBERS = ("first_global_message_sequence", "last_global_message_sequence")
LANE_GAP_NUMBERS = ("first_lane_sequence", "last_lane_sequence")
REST_GAP_NUMBERS = ("first_checkpoint_sequence", "last_checkpoint_sequence")


class _Event(msgspec.Struct, gc=False):
    asset_id: str = ""
    price_changes: tuple["_Event", ...] = ()


_EVENTS = msgspec.json.Decoder(_Event | list[_Event] | None)


class Accounts:
    """Everything that was read so far. `highest` maps producer and lane to the highest global sequence."""

    def __init__(self) -> None:
        self.sessions: dict[tuple[str, str], SessionAccount] = {}
        self.tokens: dict[str, Token] = {}
        self.gaps: list[DeclaredGap] = []
        self.highest: dict[tuple[str, int], int] = {}

    def session(self, producer: str, session_id: str, record_type: str) -> SessionAccount:
        """The account of a session, begun if need be."""
        key = (producer, session_id)
        known = self.sessions.get(key)
        if known is None:
            known = self.sessions[key] = SessionAccount(producer, session_id, record_type)
        known.is_rest = known.is_rest or record_type in REQUEST_RECORDS
        return known

    def by_producer(self) -> Mapping[str, list[SessionAccount]]:
        """The sessions of each producer, in the order of their numbers."""
        found: dict[str, list[SessionAccount]] = {}
        for session in self.sessions.values():
            found.setdefault(session.producer, []).append(session)
        for sessions in found.values():
            sessions.sort(key=lambda session: (session.offset or 0, session.first_at_ns))
        return found


class ArchiveAccount:
    """Takes the rows of one archive in their order; `finish` adds them to what the others said."""

    def __init__(self, accounts: Accounts, lane: int) -> None:
        self._accounts, self._lane = accounts, lane
        self._numbers: dict[tuple[str, str], NumberRuns] = {}
        self._last_global: dict[str, int] = {}

    def take(self, row: Row) -> Iterator[str]:
        """Count a row; yields what is wrong with its place among the others."""
        if row.record_type == GAP:
            self._accounts.gaps.append(_declared(row.producer, row.detail))
            if not row.session_id:
                return  # it was declared before the first session, or by a producer that has none
        if row.record_type == DIVERGENCE:
            return  # its session is that of the reader whose book it is about
        session = self._accounts.session(row.producer, row.session_id or "", row.record_type)
        at = row.received_at_ns
        session.first_at_ns = min(at, session.first_at_ns) if session.first_at_ns else at
        session.last_at_ns = max(at, session.last_at_ns)
        if row.record_type == MESSAGE_RECORD:
            yield from self._take_message(session, row)
        elif row.record_type in REQUEST_RECORDS:
            yield from self._take_number(session, row.checkpoint_sequence, "checkpoint_sequence")
        else:
            yield from self._take_control(session, row)

    def _take_message(self, session: SessionAccount, row: Row) -> Iterator[str]:
        number, global_number = row.message_sequence, row.global_message_sequence
        if number < 1 or global_number < number:
            yield f"message_sequence {number} with global_message_sequence {global_number} cannot be"
            return
        if session.offset is None:
            session.offset = global_number - number
        elif session.offset != global_number - number:
            yield (
                f"message_sequence {number} with global_message_sequence {global_number}, though in this"
                f" session they differ by {session.offset}"
            )
            return
        before = self._last_global.get(row.producer, 0)
        self._last_global[row.producer] = max(before, global_number)
        yield from self._take_number(session, number, "message_sequence")
        self._count_tokens(session, row)

    def _take_number(self, session: SessionAccount, number: int, name: str) -> Iterator[str]:
        key = (session.producer, session.session_id)
        runs = self._numbers.get(key)
        if runs is None:
            runs = self._numbers[key] = NumberRuns()
        session.messages += 1
        if not runs.add(number):
            yield f"{name} {number} of session {session.session_id} stands behind {runs.highest}"

    def _count_tokens(self, session: SessionAccount, row: Row) -> None:
        try:
            events = _EVENTS.decode(row.json)
        except msgspec.DecodeError:
            return  # whatever it is, it names no token in a known place
        counts = session.messages_by_token
        if isinstance(events, _Event) and not events.price_changes:
            if events.asset_id:
                counts[events.asset_id] += 1
            return
        listed = events if isinstance(events, list) else [events] if events else []
        named = {change.asset_id for event in listed for change in (event, *event.price_changes)}
        for token in named - {""}:
            counts[token] += 1

    def _take_control(self, session: SessionAccount, row: Row) -> Iterator[str]:
        try:
            closed, tokens, subscribed = row.closed, row.tokens, row.subscribed
        except ArchiveError as error:
            yield str(error)
            return
        at_ns, at_monotonic_ns = row.received_at_ns, row.received_monotonic_ns
        if row.record_type == SESSION_CLOSED:
            session.end = SessionEnd(at_ns, at_monotonic_ns, closed.reason, closed.messages)
        elif row.record_type in {SESSION_OPENED, SUBSCRIPTION_CHANGED}:
            session.opened = session.opened or row.record_type == SESSION_OPENED
            for token in tokens:
                self._accounts.tokens.setdefault(token.token_id, token)
            change = Subscription(subscribed.revision, at_ns, at_monotonic_ns, subscribed.assets_ids)
            session.subscriptions.append(change)

    def finish(self) -> Iterator[str]:
        """Add this archive's numbers to the accounts; yields which of them were in another one already."""
        for (producer, session_id), numbers in self._numbers.items():
            session = self._accounts.sessions[producer, session_id]
            runs = numbers.runs()
            for first, last in overlaps([*session.runs, *runs]):
                yield f"messages {first} to {last} of session {session_id} are in another archive too"
            session.runs = joined([*session.runs, *runs])
        for producer, highest in self._last_global.items():
            key = (producer, self._lane)
            self._accounts.highest[key] = max(highest, self._accounts.highest.get(key, 0))


def _declared(producer: str, gap: Mapping[str, Any]) -> DeclaredGap:
    names = REST_GAP_NUMBERS if REST_GAP_NUMBERS[0] in gap else GAP_NUMBERS
    lane = gap.get("lane")
    return DeclaredGap(
        producer=producer,
        cause=str(gap.get("cause")),
        from_ns=_ns(gap.get("from_utc")),
        to_ns=_ns(gap.get("to_utc")),
        numbers=_run(gap, names),
        token_ids=_tokens_of(gap),
        lane=lane if isinstance(lane, int) else None,
        lane_numbers=_run(gap, LANE_GAP_NUMBERS),
    )


def _tokens_of(gap: Mapping[str, Any]) -> frozenset[str] | None:
    """The tokens that a gap is of: none that is known where it is of a window that is not recorded."""
    if "market_slug" in gap:
        return frozenset()
    return frozenset(map(str, gap["token_ids"])) if isinstance(gap.get("token_ids"), list) else None


def _run(gap: Mapping[str, Any], names: tuple[str, str]) -> Run | None:
    first, last = (gap.get(name) for name in names)
    return (first, last) if isinstance(first, int) and isinstance(last, int) else None


def _ns(text: object) -> int:
    """0 for a text that is not an instant: such a gap covers no time."""
    try:
        return parse_utc_ns(str(text))
    except ValueError:
        return 0
