"""Whether numbers are complete: lanes from archive to archive, messages from session to session.

A hole is not a finding where a gap row declares it, where an archive that is reported anyway held it, or behind
the place where a producer was cut off: the last rows of a power cut, or what is still in an open archive.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from common.core.number_runs import Run, count, in_words, joined, overlaps, without
from common.core.verify.accounts import Accounts
from common.core.verify.copy_edge import CopyEdge
from common.core.verify.session import SessionAccount


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it was promised. `where` is a file, a producer or a token."""

    kind: str
    where: str
    words: str


class LanePart(msgspec.Struct, frozen=True):
    """The rows of one producer in one archive of a lane. `open` ones are known from the journal only."""

    producer: str
    lane: int
    first: int
    last: int
    rows: int
    archive: str
    recovered: bool = False
    open: bool = False


class Known(msgspec.Struct, frozen=True):
    """What is known beside the rows themselves.

    `lost` are the global sequences of archives that are missing or torn, by producer, and reported already;
    `durable` are the journals' words: the highest lane sequence by producer and lane. `edge` is where a copy ends.
    """

    parts: Sequence[LanePart]
    lost: Mapping[str, Sequence[Run]]
    durable: Mapping[tuple[str, int], int]
    live: bool
    partial: bool
    edge: CopyEdge | None = None


def lane_findings(accounts: Accounts, known: Known) -> Iterator[Finding]:
    """Holes and doubles in the lane sequences of each producer and lane."""
    declared: dict[tuple[str, int], list[Run]] = {}
    for gap in accounts.gaps:
        if gap.lane is not None and gap.lane_numbers is not None:
            declared.setdefault((gap.producer, gap.lane), []).append(gap.lane_numbers)
    by_lane: dict[tuple[str, int], list[LanePart]] = {}
    for part in known.parts:
        by_lane.setdefault((part.producer, part.lane), []).append(part)
    expected = {} if known.partial else known.durable
    for key in sorted({*by_lane, *expected}):
        producer, lane = key
        missing = joined(declared.get(key, ()))
        for words in _lane_words(by_lane.get(key, []), expected.get(key, 0), missing, partial=known.partial):
            yield Finding("lane", producer, f"lane {lane}: {words}")


def _lane_words(
    parts: list[LanePart], durable: int, declared: Sequence[Run], *, partial: bool
) -> Iterator[str]:
    parts.sort(key=lambda part: part.first)
    spans = joined((part.first, part.last) for part in parts)
    begin = spans[0][0] if partial and spans else 1
    end = max([durable, *(last for _, last in spans)])
    missing = without(without([(begin, end)], spans), declared)
    if missing:
        before = [part.archive for part in parts if part.last < missing[0][0]]
        behind = f"; the last one before it is {before[-1]}" if before else ""
        yield f"lane sequences {in_words(missing)} are in no archive{behind}"
    dense = [(part.first, part.last) for part in parts if part.rows == part.last - part.first + 1]
    if twice := overlaps(dense):
        yield f"lane sequences {in_words(twice)} are in two archives"
    elif (surplus := sum(part.rows for part in parts) - count(spans)) != 0:
        what = "too many" if surplus > 0 else "missing"
        yield f"{abs(surplus)} rows {what} between lane sequences {spans[0][0]} and {spans[-1][1]}"


def cut_off_at(sessions: Sequence[SessionAccount], accounts: Accounts, known: Known) -> int | None:
    """The global sequence behind which nothing is promised of a producer, None where all of it is.

    That is the least that any of its unfinished lanes holds: one with an open archive, or one that ends in a
    recovered archive while a session of the producer has no end.
    """
    producer = sessions[0].producer
    if known.edge is not None:
        return _copy_cut_off_at(sessions, known.edge)
    unended = any(session.end is None for session in sessions)
    last_parts: dict[int, LanePart] = {}
    for part in known.parts:
        if part.producer == producer and part.last >= last_parts.get(part.lane, part).last:
            last_parts[part.lane] = part
    unfinished = [part.lane for part in last_parts.values() if part.open or (unended and part.recovered)]
    return min((accounts.highest.get((producer, lane), 0) for lane in unfinished), default=None)


def _copy_cut_off_at(sessions: Sequence[SessionAccount], edge: CopyEdge) -> int | None:
    """Of a copy: where its newest window begins; all that is known of a producer that ends just before that."""
    before = edge.numbers_before.get(sessions[0].producer)
    if before is not None:
        return before
    goes_on = [each for each in sessions if each.end is None and each.last_at_ns >= edge.before_ns]
    return max((_last_global(session) for session in goes_on), default=None)


def message_findings(accounts: Accounts, known: Known) -> Iterator[Finding]:
    """Holes and doubles in the message sequences of each session and producer, and sessions without an end."""
    for producer, sessions in sorted(accounts.by_producer().items()):
        websocket = [session for session in sessions if not session.is_rest]
        for session in sessions:
            if session.is_rest:
                declared = [gap.numbers for gap in accounts.gaps if gap.producer == producer and gap.numbers]
                yield from _rest_findings(session, known, declared)
        if websocket:
            cut = cut_off_at(websocket, accounts, known)
            yield from _producer_findings(producer, websocket, accounts, known, cut)
            lacking = producer in known.lost or any(
                gap.producer == producer and gap.lane is not None for gap in accounts.gaps
            )
            if cut is None and not (known.live or known.partial or lacking):
                yield from _unfinished_sessions(websocket)


def _rest_findings(session: SessionAccount, known: Known, declared: list[Run]) -> Iterator[Finding]:
    if not session.runs or session.producer in known.lost:
        return
    begin = session.runs[0][0] if known.partial else 1
    if missing := without([(begin, session.runs[-1][1])], joined([*session.runs, *declared])):
        words = f"session {session.session_id}: checkpoint_sequence {in_words(missing)} missing, not declared"
        yield Finding("sequence", session.producer, words)


def _producer_findings(
    producer: str, sessions: list[SessionAccount], accounts: Accounts, known: Known, cut: int | None
) -> Iterator[Finding]:
    runs = [run for session in sessions for run in session.global_runs()]
    present = joined(runs)
    gaps = [gap for gap in accounts.gaps if gap.producer == producer and gap.numbers]
    of_lanes = joined(gap.numbers for gap in gaps if gap.numbers and gap.lane is not None)
    exact = joined(gap.numbers for gap in gaps if gap.numbers and gap.lane is None)
    declared = joined([*exact, *without(of_lanes, present)])
    end = max((_last_global(session) for session in sessions), default=0)
    end = max([end, *(last for _, last in [*present, *declared])])
    begin = present[0][0] if known.partial and present else 1
    holes = without([(begin, end)], present)
    explained = [*declared, *known.lost.get(producer, ())]
    if cut is not None:
        explained.append((cut + 1, max(end, cut + 1)))
    if missing := without(holes, joined(explained)):
        words = f"global_message_sequence {in_words(missing)} missing, and no gap row declares it"
        yield Finding("sequence", producer, f"{words} ({_in_sessions(missing, sessions)})")
    if twice := overlaps(runs):
        yield Finding("sequence", producer, f"global_message_sequence {in_words(twice)} in two sessions")
    if wrongly := without(present, without(present, exact)):
        words = f"global_message_sequence {in_words(wrongly)} recorded, though a gap row declares it lost"
        yield Finding("sequence", producer, words)
    for session in sessions:
        shifted = [(a + (session.offset or 0), b + (session.offset or 0)) for a, b in _holes(session)]
        if wrong := without(shifted, joined([*holes, *([(1, begin - 1)] if begin > 1 else [])])):
            words = f"session {session.session_id}: its numbers leave out {count(wrong)} messages"
            yield Finding("sequence", producer, words)


def _last_global(session: SessionAccount) -> int:
    last = session.runs[-1][1] if session.runs else 0
    return (session.offset or 0) + max(last, session.end.messages if session.end and last else 0)


def _holes(session: SessionAccount) -> list[Run]:
    return without([(1, session.runs[-1][1])], session.runs) if session.runs else []


def _in_sessions(missing: Sequence[Run], sessions: list[SessionAccount]) -> str:
    """Where the first missing number belongs, by session and message sequence."""
    number = missing[0][0]
    owner = max(
        (session for session in sessions if (session.offset or 0) < number),
        key=lambda session: session.offset or 0,
        default=sessions[0],
    )
    return f"session {owner.session_id}, message_sequence {number - (owner.offset or 0)}"


def _unfinished_sessions(sessions: list[SessionAccount]) -> Iterator[Finding]:
    for session in sessions:
        if not session.opened:
            yield Finding(
                "session", session.producer, f"session {session.session_id} has no session_opened row"
            )
        if session.end is None:
            yield Finding(
                "session", session.producer, f"session {session.session_id} has no session_closed row"
            )
