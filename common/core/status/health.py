"""Whether the recorder is well, and whether it is ready: one decision from its state and a few times.

What needs an operator and not a restart, such as a remote that is away, is a warning and no part of it.
"""

from collections.abc import Mapping, Sequence

import msgspec

from common.core.instants import NS_PER_SECOND
from common.core.problems import Problem
from common.core.run_state import ReaderState, State
from common.core.status.disk_outlook import DiskOutlook
from common.core.terminal.text import rough_span_text, size_text
from common.core.uploads.outlook import Upload

FIRST_DATA_GRACE_S = (
    50.0  # a start: connecting, subscribing, the first book; whatever is dark is said in a minute
)
RETURN_GRACE_S = 50.0  # since the last data, for a reader that is also...
AWAY_GRACE_S = 10.0  # ...without a session that has data for so long: a stale feed is replaced within seconds
HEARTBEAT_GRACE_S = 30.0  # a reader speaks about twice a second; after so long it hangs
LIVE_GRACE_S = 90.0  # of any process: the supervisor replaces one that is silent for 20 to 60 s
PROBLEMS_TOLD = 3  # in the reason; the run manifest has them all
ALARMS_TOLD = 3  # in warnings; the run manifest has them all

_RESTING: frozenset[ReaderState] = frozenset({"receiving", "no_tokens"})


class Verdict(msgspec.Struct, frozen=True):
    """A decision with its reason."""

    ok: bool
    reason: str


class ReaderWord(msgspec.Struct, frozen=True):
    """What a reader last said of itself: `last_market_data_at_ns` is wall time, 0 before the first."""

    state: ReaderState
    last_market_data_at_ns: int
    said_monotonic_ns: int


class Wait(msgspec.Struct, frozen=True):
    """How long one reader has been without market data that it should have, and without a word of its own.

    `away_s`: for how long it has had no session that brings data.
    """

    reader: str
    had_data: bool
    quiet_s: float
    silent_s: float
    away_s: float


class Patience:
    """Remembers since when each reader has waited, by a clock that no step of the wall clock moves.

    A reader's newest market data counts from when it was noticed here, so `note` wants calling about once a
    second.
    """

    def __init__(self, now_monotonic_ns: int) -> None:
        self._begun_ns = now_monotonic_ns
        self._readers: dict[str, tuple[int, int]] = {}  # newest market data, and when it was noticed
        self._rested: dict[str, int] = {}  # when it last had what it wants
        self._judged_from_ns = 0

    def paused(self, slept_ns: int, now_monotonic_ns: int) -> None:
        """This process itself was stopped for so long: no reader waited or was silent meanwhile."""
        self._begun_ns += slept_ns
        self._readers = {name: (data, since + slept_ns) for name, (data, since) in self._readers.items()}
        self._rested = {name: at_ns + slept_ns for name, at_ns in self._rested.items()}
        self._judged_from_ns = now_monotonic_ns

    def silent_s(self, said_monotonic_ns: int, now_monotonic_ns: int) -> float:
        """For how long a process has said nothing; the time in which this one was stopped does not count."""
        return max(0, now_monotonic_ns - max(said_monotonic_ns, self._judged_from_ns)) / NS_PER_SECOND

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
            resting = word.state in _RESTING
            quiet_ns = 0 if resting else now_monotonic_ns - since_ns
            if resting:
                self._rested[name] = now_monotonic_ns
            waits.append(
                Wait(
                    reader=name,
                    had_data=data_at_ns > 0,
                    quiet_s=quiet_ns / NS_PER_SECOND,
                    away_s=(now_monotonic_ns - self._rested.get(name, self._begun_ns)) / NS_PER_SECOND,
                    silent_s=self.silent_s(word.said_monotonic_ns, now_monotonic_ns),
                )
            )
        if not waits:
            quiet_s = (now_monotonic_ns - self._begun_ns) / NS_PER_SECOND
            nobody = Wait("the recorder", had_data=False, quiet_s=quiet_s, silent_s=0.0, away_s=quiet_s)
            waits.append(nobody)
        return waits


class Discovered(msgspec.Struct, frozen=True):
    """What discovery knows: how old it is (None: nothing yet), and whether the exchange has nothing to record.

    `confirmed_empty`: it was asked for all of the selection and said so. `all_settled`: it settled all that is
    listed.
    """

    age_s: float | None = None
    refresh_s: float = 60.0
    confirmed_empty: bool = False
    all_settled: bool = False

    @property
    def nothing_to_record(self) -> bool:
        """Whether the exchange said so, and lately."""
        lately = self.age_s is not None and self.age_s <= 3 * self.refresh_s + 60
        return lately and (self.confirmed_empty or self.all_settled)


def judge_health(
    state: State,
    waits: Sequence[Wait],
    problems: Sequence[Problem],
    discovered: Discovered,
    *,
    supervisor_silent_s: float = 0.0,
) -> Verdict:
    """Well while it receives all that it should, or waits rightly and not for too long.

    A supervisor that has said nothing for so long starts no dead process again.
    """
    if state in {"STOPPING", "STOPPED", "FAILED"}:
        return Verdict(ok=False, reason=f"the recorder is {state}")
    if problems:
        return Verdict(ok=False, reason="; ".join(problem.reason for problem in problems[:PROBLEMS_TOLD]))
    if supervisor_silent_s > HEARTBEAT_GRACE_S:
        return Verdict(ok=False, reason=f"the supervisor has said nothing for {supervisor_silent_s:.0f} s")
    for wait in sorted(waits, key=lambda wait: wait.silent_s <= HEARTBEAT_GRACE_S):
        if reason := overdue_reason(wait):
            return Verdict(ok=False, reason=reason)
    if state == "RUNNING_NO_ACTIVE_TOKENS":
        return _judge_idleness(discovered)
    quiet_s = max((wait.quiet_s for wait in waits), default=0.0)
    words = "market data arrives" if state == "RUNNING_RECEIVING" else f"waiting for {quiet_s:.0f} s"
    return Verdict(ok=True, reason=words)


def overdue_reason(wait: Wait) -> str:
    """Why a reader waits or is silent for too long, as a message; empty while it does not."""
    if wait.silent_s > HEARTBEAT_GRACE_S:
        return f"{wait.reader} has said nothing for {wait.silent_s:.0f} s"
    grace_s = RETURN_GRACE_S if wait.had_data else FIRST_DATA_GRACE_S
    if wait.quiet_s > grace_s and wait.away_s > AWAY_GRACE_S:
        return f"{wait.reader} has had no market data for {wait.quiet_s:.0f} s"
    return ""


def _judge_idleness(discovered: Discovered) -> Verdict:
    """Absence of information is never "nothing to do"."""
    if discovered.nothing_to_record:
        return Verdict(ok=True, reason="the exchange has confirmed that there is no market to record now")
    age = "nothing was discovered yet"
    if discovered.age_s is not None:
        age = f"the last discovery is {rough_span_text(max(0.0, discovered.age_s))} old"
    return Verdict(
        ok=False,
        reason="nothing is recorded, and the exchange has not confirmed that there is nothing"
        f" ({age}): run bin/discover-markets and compare with discovery.* of the settings",
    )


def judge_liveness(heartbeat_ages_s: Mapping[str, float]) -> Verdict:
    """Alive while every process that runs speaks, whatever the exchange does: a restart cannot help with that."""
    silent = {name: age_s for name, age_s in heartbeat_ages_s.items() if age_s > LIVE_GRACE_S}
    for name, age_s in sorted(silent.items()):
        return Verdict(ok=False, reason=f"{name} has said nothing for {age_s:.0f} s")
    return Verdict(ok=True, reason="every process speaks")


def judge_readiness(
    state: State, *, market_messages: int, problems: Sequence[Problem], discovered: Discovered
) -> Verdict:
    """Ready once a market message was recorded in this run, or when there is rightly none to record."""
    if state in {"STOPPING", "STOPPED", "FAILED"}:
        return Verdict(ok=False, reason=f"the recorder is {state}")
    if state == "RUNNING_NO_ACTIVE_TOKENS" and problems:
        return Verdict(ok=False, reason=problems[0].reason)
    if state == "RUNNING_NO_ACTIVE_TOKENS":
        return _judge_idleness(discovered)
    if market_messages:
        return Verdict(ok=True, reason="market messages were recorded in this run")
    return Verdict(ok=False, reason="no market message was recorded in this run yet")


def warnings(
    upload: Upload, disk: DiskOutlook, recipes_unknown: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """What an operator should see to although the recorder is well, as a message.

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
