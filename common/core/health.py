"""Whether the recorder is well, and whether it is ready: one decision from its state and a few times.

What needs an operator and not a restart, such as a remote that is away, is a warning and no part of it.
"""

from collections.abc import Mapping, Sequence

import msgspec

from common.core.disk_outlook import DiskOutlook
from common.core.instants import NS_PER_SECOND
from common.core.problems import Problem
from common.core.run_state import ReaderState, State
from common.core.terminal_text import rough_span_text, size_text
from common.core.uploads import Upload

FIRST_DATA_GRACE_S = 60.0  # a start: connecting, subscribing, the first book
RETURN_GRACE_S = 120.0  # a reconnect: a stale feed is noticed after 60 s, then backoff and a new session
HEARTBEAT_GRACE_S = 30.0  # a reader speaks about twice a second; after so long it hangs
PROBLEMS_TOLD = 3  # in the reason; the run manifest has them all
ALARMS_TOLD = 3  # in warnings; the run manifest has them all

_RESTING: frozenset[ReaderState] = frozenset({"receiving", "no_tokens"})


class Verdict(msgspec.Struct, frozen=True):
    """A decision with its reason in words."""

    ok: bool
    reason: str


class ReaderWord(msgspec.Struct, frozen=True):
    """What a reader last said of itself: `last_market_data_at_ns` is wall time, 0 before the first."""

    state: ReaderState
    last_market_data_at_ns: int
    said_monotonic_ns: int


class Wait(msgspec.Struct, frozen=True):
    """How long one reader has been without market data that it should have, and without a word of its own."""

    reader: str
    had_data: bool
    quiet_s: float
    silent_s: float


class Patience:
    """Remembers since when each reader has waited, by a clock that no step of the wall clock moves.

    A reader's newest market data counts from when it was noticed here, so `note` wants calling about once a
    second.
    """

    def __init__(self, now_monotonic_ns: int) -> None:
        self._begun_ns = now_monotonic_ns
        self._readers: dict[str, tuple[int, int]] = {}  # newest market data, and when it was noticed

    def note(self, readers: Mapping[str, ReaderWord], now_monotonic_ns: int) -> list[Wait]:
        """Take every reader's last word and say how long each waits; one that has what it wants waits 0 s."""
        before, self._readers = self._readers, {}
        waits = []
        for name, word in readers.items():
            data_at_ns, since_ns = before.get(name, (0, self._begun_ns))
            if word.state == "no_tokens" or word.last_market_data_at_ns not in {0, data_at_ns}:
                since_ns = now_monotonic_ns
            data_at_ns = word.last_market_data_at_ns or data_at_ns  # 0 again: the reader was restarted
            self._readers[name] = (data_at_ns, since_ns)
            quiet_ns = 0 if word.state in _RESTING else now_monotonic_ns - since_ns
            waits.append(
                Wait(
                    reader=name,
                    had_data=data_at_ns > 0,
                    quiet_s=quiet_ns / NS_PER_SECOND,
                    silent_s=(now_monotonic_ns - word.said_monotonic_ns) / NS_PER_SECOND,
                )
            )
        if not waits:
            quiet_s = (now_monotonic_ns - self._begun_ns) / NS_PER_SECOND
            waits.append(Wait(reader="the recorder", had_data=False, quiet_s=quiet_s, silent_s=0.0))
        return waits


def judge_health(state: State, waits: Sequence[Wait], problems: Sequence[Problem] = ()) -> Verdict:
    """Well while it receives all that it should, or waits rightly and not for too long."""
    if state in {"STOPPING", "STOPPED", "FAILED"}:
        return Verdict(ok=False, reason=f"the recorder is {state}")
    if problems:
        return Verdict(ok=False, reason="; ".join(problem.reason for problem in problems[:PROBLEMS_TOLD]))
    for wait in waits:
        if wait.silent_s > HEARTBEAT_GRACE_S:
            return Verdict(ok=False, reason=f"{wait.reader} has said nothing for {wait.silent_s:.0f} s")
    for wait in waits:
        grace_s = RETURN_GRACE_S if wait.had_data else FIRST_DATA_GRACE_S
        if wait.quiet_s > grace_s:
            return Verdict(ok=False, reason=f"{wait.reader} has had no market data for {wait.quiet_s:.0f} s")
    if state == "RUNNING_NO_ACTIVE_TOKENS":
        return Verdict(ok=True, reason="there is no market to record now")
    quiet_s = max((wait.quiet_s for wait in waits), default=0.0)
    words = "market data arrives" if state == "RUNNING_RECEIVING" else f"waiting for {quiet_s:.0f} s"
    return Verdict(ok=True, reason=words)


def judge_readiness(state: State, *, market_messages: int, problems: Sequence[Problem] = ()) -> Verdict:
    """Ready once a market message was recorded in this run, or when there is rightly none to record."""
    if state in {"STOPPING", "STOPPED", "FAILED"}:
        return Verdict(ok=False, reason=f"the recorder is {state}")
    if state == "RUNNING_NO_ACTIVE_TOKENS" and problems:
        return Verdict(ok=False, reason=problems[0].reason)
    if state == "RUNNING_NO_ACTIVE_TOKENS":
        return Verdict(ok=True, reason="there is no market to record now")
    if market_messages:
        return Verdict(ok=True, reason="market messages were recorded in this run")
    return Verdict(ok=False, reason="no market message was recorded in this run yet")


def warnings(
    upload: Upload, disk: DiskOutlook, recipes_unknown: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """What an operator should see to although the recorder is well, in words.

    `recipes_unknown`: the reason by protocol whose books cannot be checked.
    """
    words = [f"upload alarm: {alarm}" for alarm in upload.alarms[:ALARMS_TOLD]]
    if len(upload.alarms) > ALARMS_TOLD:
        words.append(f"{len(upload.alarms) - ALARMS_TOLD} more upload alarms")
    if upload.behind:
        words.append(_backlog_words(upload))
    if upload.failing:
        words.append(f"upload fails: {upload.last_error}")
    if disk.full_soon:
        words.append(disk.words)
    words += (recipes_unknown or {}).values()
    return tuple(words)


def _backlog_words(upload: Upload) -> str:
    files, size = upload.backlog_files or 0, size_text(upload.backlog_bytes or 0)
    age = rough_span_text(upload.backlog_age_seconds or 0)
    return f"upload is behind: {files:,} archives ({size}) wait, the oldest for {age}"
