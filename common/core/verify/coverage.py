"""What time was recorded of each token: in open sessions, in declared gaps, and in neither.

Time that is in neither is a finding where the same producer went on: it knew of the outage and did not
declare it. Where a producer ended or was cut off, its last session says so, and the pause is only told.
Within a session time is monotonic: a wall clock that was set hides nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from common.core.instants import NS_PER_SECOND, utc_text
from common.core.number_runs import Run, common, count, joined, without
from common.core.rows.origin import Leg, leg_in_name
from common.core.verify.accounts import Accounts
from common.core.verify.sequences import Finding
from common.core.verify.session import DeclaredGap, SessionAccount

_Gaps = Mapping[str, Sequence[DeclaredGap]]  # by producer
TOLERANCE_NS = 1_000_000  # gap rows tell microseconds, and a clock reading stands beside each row


class SessionCoverage(msgspec.Struct, frozen=True):
    """One websocket session. `to_utc` is its last row's time where `close_reason` is None: it has no end.

    `received` messages were numbered by their reader, `messages` are in archives.
    """

    session_id: str
    producer: str
    from_utc: str
    to_utc: str
    connected_seconds: float
    received: int
    messages: int
    tokens: int
    close_reason: str | None
    messages_by_token: Mapping[str, int]


class TokenCoverage(msgspec.Struct, frozen=True):
    """One token over all sessions; `paused_seconds` are neither connected nor in a declared gap."""

    token_id: str
    market_slug: str
    outcome: str
    from_utc: str
    to_utc: str
    connected_seconds: float
    gap_seconds: float
    paused_seconds: float
    messages: int


class Coverage(msgspec.Struct, frozen=True):
    """Both views, in the order of time."""

    sessions: tuple[SessionCoverage, ...]
    tokens: tuple[TokenCoverage, ...]


class _Subscribed(msgspec.Struct, frozen=True):
    """A token was subscribed in a session; `by_end` says that the session's end ended it."""

    begin: int
    end: int
    session: SessionAccount
    by_end: bool


def coverage(accounts: Accounts) -> Coverage:
    """The coverage by session and by token."""
    sessions = sorted(_sessions(accounts), key=lambda session: session.first_at_ns)
    gaps = _gaps(accounts)
    tokens = (
        _token_coverage(token_id, stretches, accounts, gaps)
        for token_id, stretches in _subscribed(sessions).items()
    )
    return Coverage(
        tuple(_session_coverage(session) for session in sessions),
        tuple(sorted(tokens, key=lambda token: (token.from_utc, token.market_slug, token.token_id))),
    )


def coverage_findings(accounts: Accounts, lost: Mapping[str, Sequence[Run]]) -> Iterator[Finding]:
    """Time that no session and no gap row of a leg covers. Producers that `lost` archives are not asked."""
    sessions = [session for session in _sessions(accounts) if session.producer not in lost]
    gaps = _gaps(accounts)
    last = {each[-1].session_id for each in accounts.by_producer().values()}
    found: dict[tuple[str, Run], list[str]] = {}
    by_leg = (
        (token_id, stretches)
        for token_id, of_token in _subscribed(sessions).items()
        for stretches in _by_leg(of_token)
    )
    for token_id, stretches in by_leg:
        for pause in _pauses(token_id, stretches, gaps):
            before = max((each for each in stretches if each.end <= pause[0]), key=lambda each: each.end)
            if before.by_end and before.session.session_id in last:
                continue
            found.setdefault((before.session.session_id, pause), []).append(token_id)
    for (session_id, (begin, end)), tokens in sorted(found.items()):
        words = (
            f"{utc_text(begin)} to {utc_text(end)}: {len(tokens)} tokens in no session and in no declared gap,"
            f" first {tokens[0]}"
        )
        yield Finding("coverage", session_id, words)


def _sessions(accounts: Accounts) -> list[SessionAccount]:
    return [session for session in accounts.sessions.values() if not session.is_rest]


def _gaps(accounts: Accounts) -> dict[str, list[DeclaredGap]]:
    """The declared gaps of each producer that last."""
    found: dict[str, list[DeclaredGap]] = {}
    for gap in accounts.gaps:
        if gap.from_ns < gap.to_ns:
            found.setdefault(gap.producer, []).append(gap)
    return found


def _subscribed(sessions: Sequence[SessionAccount]) -> dict[str, list[_Subscribed]]:
    """The stretches of each token, in no particular order."""
    found: dict[str, list[_Subscribed]] = {}
    for session in sessions:
        since: dict[str, int] = {}
        for change in sorted(session.subscriptions, key=lambda change: change.revision):
            wanted, at_ns = set(change.tokens), session.since_opening_ns(change)
            for token in [token for token in since if token not in wanted]:
                _add(found, token, _Subscribed(since.pop(token), at_ns, session, by_end=False))
            for token in change.tokens:
                since.setdefault(token, at_ns)
        for token, begin in since.items():
            _add(found, token, _Subscribed(begin, max(begin, _end_ns(session)), session, by_end=True))
    return found


def _add(found: dict[str, list[_Subscribed]], token: str, stretch: _Subscribed) -> None:
    found.setdefault(token, []).append(stretch)


def _by_leg(stretches: Iterable[_Subscribed]) -> list[list[_Subscribed]]:
    """The stretches of each leg that has some."""
    found: dict[Leg, list[_Subscribed]] = {}
    for each in stretches:
        found.setdefault(leg_in_name(each.session.producer), []).append(each)
    return list(found.values())


def _end_ns(session: SessionAccount) -> int:
    return session.since_opening_ns(session.end) if session.end is not None else session.last_at_ns


def _pauses(token_id: str, stretches: Sequence[_Subscribed], gaps: _Gaps) -> list[Run]:
    connected = [(each.begin, each.end) for each in stretches]
    declared = _gaps_of(token_id, stretches, gaps)
    hull = (min(begin for begin, _ in connected), max(end for _, end in connected))
    open_time = without([hull], joined([*connected, *declared]))
    return [(begin, end) for begin, end in open_time if end - begin > TOLERANCE_NS]


def _gaps_of(token_id: str, stretches: Sequence[_Subscribed], gaps: _Gaps) -> list[Run]:
    producers = {each.session.producer for each in stretches}
    return joined(
        (gap.from_ns, gap.to_ns)
        for producer in producers
        for gap in gaps.get(producer, ())
        if gap.token_ids is None or token_id in gap.token_ids
    )


def _token_coverage(
    token_id: str, stretches: list[_Subscribed], accounts: Accounts, gaps: _Gaps
) -> TokenCoverage:
    hull = (min(each.begin for each in stretches), max(each.end for each in stretches))
    connected: list[Run] = []  # on any leg and in no gap of that one
    for of_leg in _by_leg(stretches):
        runs = joined((each.begin, each.end) for each in of_leg)
        connected += without(runs, _gaps_of(token_id, of_leg, gaps))
    in_gaps = without(common([hull], _gaps_of(token_id, stretches, gaps)), joined(connected))
    token = accounts.tokens.get(token_id)
    return TokenCoverage(
        token_id=token_id,
        market_slug=token.market_slug if token else "",
        outcome=token.outcome if token else "",
        from_utc=utc_text(hull[0]),
        to_utc=utc_text(hull[1]),
        connected_seconds=_seconds(joined(connected)),
        gap_seconds=_seconds(in_gaps),
        paused_seconds=_seconds(_pauses(token_id, stretches, gaps)),
        messages=sum(session.messages_by_token[token_id] for session in _each_once(stretches)),
    )


def _each_once(stretches: Sequence[_Subscribed]) -> list[SessionAccount]:
    return list({each.session.session_id: each.session for each in stretches}.values())


def _session_coverage(session: SessionAccount) -> SessionCoverage:
    begin = session.opening.at_ns if session.opening is not None else session.first_at_ns
    return SessionCoverage(
        session_id=session.session_id,
        producer=session.producer,
        from_utc=utc_text(begin),
        to_utc=utc_text(_end_ns(session)),
        connected_seconds=max(_seconds([(begin, _end_ns(session))]), 0.0),
        received=_received(session),
        messages=session.messages,
        tokens=len({token for change in session.subscriptions for token in change.tokens}),
        close_reason=session.end.reason if session.end else None,
        messages_by_token=dict(session.messages_by_token),
    )


def _received(session: SessionAccount) -> int:
    last = session.runs[-1][1] if session.runs else 0
    return max(last, session.end.messages if session.end is not None else 0)


def _seconds(runs: Sequence[Run]) -> float:
    return round(count(runs) / NS_PER_SECOND, 3)
