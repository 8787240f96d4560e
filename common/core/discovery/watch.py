"""What is wrong now with what is recorded, from the last discoveries and from the time that has passed since."""

from collections.abc import Mapping
from typing import get_args

from common.core.discovery.findings import is_limited, windows_not_recorded
from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.market import DiscoveryFile, Market
from common.core.problems import ProblemKind

NOTHING_RECORDED_LIMIT_NS = 30 * NS_PER_SECOND
SHORTEST_LIMIT_NS = 60 * NS_PER_SECOND
KINDS: tuple[ProblemKind, ...] = (
    "markets_unreadable",
    "selection_matches_nothing",
    "window_not_recorded",
    "discovery_failing",
    "discovery_incomplete",
    "clock_off",
)
_ABSENCES = frozenset(get_args(ProblemKind)) - {"selection_matches_nothing", "clock_off"}

Reasons = dict[str, str]


class DiscoveryWatch:
    """Times are monotonic nanoseconds unless they are called wall."""

    def __init__(self, *, lookahead_seconds: float, market_limit: int) -> None:
        self._limit_ns = max(SHORTEST_LIMIT_NS, int(lookahead_seconds * NS_PER_SECOND) // 2)
        self._market_limit = market_limit
        self._file: DiscoveryFile | None = None
        self._said: Mapping[str, str] = {}
        self._incomplete: tuple[Reasons, Reasons] = ({}, {})  # of the last discovery, and of the one before
        self._asking_since: int | None = None
        self._asking_since_wall = 0
        self._error = ""

    def begins(self, now_ns: int, wall_ns: int) -> None:
        """A discovery begins: from now on one is lacking, until it succeeds."""
        if self._asking_since is None:
            self._asking_since, self._asking_since_wall = now_ns, wall_ns

    def failed(self, reason: str) -> None:
        """It gave nothing."""
        self._error = reason

    def succeeded(self, file: DiscoveryFile, said: Mapping[str, str]) -> None:
        """It gave this; `said` is what Gamma said of single windows."""
        self._file, self._said = file, said
        self._asking_since, self._error = None, ""
        incomplete = {
            each.subject: each.reason for each in file.problems if each.kind == "discovery_incomplete"
        }
        self._incomplete = (incomplete, self._incomplete[0])

    @property
    def is_troubled(self) -> bool:
        """Whether to ask again soon: the last discovery failed, or lacked something that may be there in a moment."""
        if self._error or self._file is None:
            return True
        return any(finding.kind in _ABSENCES for finding in self._file.problems)

    def problems(self, now_ns: int, wall_ns: int) -> dict[ProblemKind, Reasons]:
        """All that is wrong now, by kind and subject; a kind of which nothing is wrong has an empty entry."""
        found: dict[ProblemKind, Reasons] = {kind: {} for kind in KINDS}
        file = self._file
        if file is not None:
            for finding in file.problems:
                if finding.kind not in {"window_not_recorded", "discovery_incomplete"}:
                    found[finding.kind][finding.subject] = finding.reason
            # One answer may be broken by chance: it is incomplete when the next one is too.
            last, before = self._incomplete
            found["discovery_incomplete"] = {subject: last[subject] for subject in last if subject in before}
            found["window_not_recorded"] = self._windows(file, wall_ns)
        if reason := self._failing(now_ns, wall_ns):
            found["discovery_failing"][""] = reason
        return found

    def _windows(self, file: DiscoveryFile, wall_ns: int) -> Reasons:
        now_ns = wall_ns - _certain_offset_ns(file)
        recorded = _not_over(file.markets, now_ns)
        if is_limited(recorded, self._market_limit):
            return {}
        said = {} if self._error else self._said
        findings = windows_not_recorded(file.series_known, file.markets, said, now_ns=now_ns)
        suffix = f"; Gamma could not be asked: {self._error}" if self._error else ""
        return {finding.subject: finding.reason + suffix for finding in findings}

    def _failing(self, now_ns: int, wall_ns: int) -> str:
        if self._asking_since is None:
            return ""
        recorded = _not_over(self._file.markets, wall_ns) if self._file is not None else ()
        limit_ns = self._limit_ns if recorded else NOTHING_RECORDED_LIMIT_NS
        if self._file is None and self._error:
            limit_ns = 0  # there is nothing that could be recorded meanwhile
        if now_ns - self._asking_since < limit_ns:
            return ""
        since = utc_text(self._asking_since_wall)[:19]
        recording = "what was found before is recorded" if recorded else "nothing is recorded"
        return (
            f"Gamma has not said since {since}Z which markets are open, and {recording}:"
            f" {self._error or 'it has not answered yet'}; check the network and exchange.gamma_url"
        )


def _certain_offset_ns(file: DiscoveryFile) -> int:
    is_certain = any(finding.kind == "clock_off" for finding in file.problems)
    return int((file.clock_offset_seconds or 0) * NS_PER_SECOND) if is_certain else 0


def _not_over(markets: tuple[Market, ...], now_ns: int) -> tuple[Market, ...]:
    return tuple(
        each for each in markets if not each.end_time_utc or parse_utc_ns(each.end_time_utc) > now_ns
    )
