"""Which windows wait for their outcome, and when each source is to be asked of which: values in, values out.

What must outlive the process is in `Waiting`, one for each window, which its owner keeps in a file. Instants are wall
time in nanoseconds: a window's end is one, and the file may be read after a reboot.
"""

from collections.abc import Iterable, Mapping

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.market import Market
from common.core.resolution.answers import SOURCES, Source

GROWTH = 1.5  # of the interval between two questions
MOST_FOLLOWED = 5_000  # markets; beyond that no more are taken
NEVER_NS = 1 << 62


class Pace(msgspec.Struct, frozen=True):
    """The intervals of the settings, in seconds."""

    first_s: float
    longest_s: float
    give_up_s: float
    recheck_s: float
    metadata_s: float


class Asked(msgspec.Struct):
    """What one source was asked of a window, and said. `rechecked`: it said the same again later, and is done."""

    times: int = 0
    next_ns: int = 0
    winner: str = ""
    rechecked: bool = False


class Waiting(msgspec.Struct, kw_only=True):
    """A market that is or was recorded. `end_ns` is None where it has no window: then only its metadata is followed.

    `metadata_sha256` is of the metadata that was recorded last, empty before the first.
    """

    slug: str
    condition_id: str
    token_ids: tuple[str, ...]
    outcomes: tuple[str, ...]
    start_utc: str
    end_utc: str
    protocol: str = "v1"
    metadata_sha256: str = ""
    metadata_next_ns: int = 0
    asked: dict[Source, Asked] = msgspec.field(
        default_factory=lambda: {source: Asked() for source in SOURCES}
    )
    given_up: bool = False
    disagreement: str = ""

    @property
    def end_ns(self) -> int | None:
        """The end of its window; None without one."""
        try:
            return parse_utc_ns(self.end_utc) if self.end_utc else None
        except ValueError:
            return None

    @property
    def is_over(self) -> bool:
        """Whether nobody is asked about it any more."""
        return self.given_up or all(each.rechecked for each in self.asked.values())

    @property
    def is_resolved(self) -> bool:
        """Whether both sources have said how it was resolved."""
        return all(each.winner for each in self.asked.values())


class Change(msgspec.Struct, frozen=True):
    """What an answer changed; all false for most."""

    resolved: bool = False
    corrected: bool = False
    disagrees: bool = False


class ResolutionWatch:
    """Follows the markets of the discovery file from their selection until both sources have said how they ended."""

    def __init__(self, pace: Pace, waiting: Iterable[Waiting] = ()) -> None:
        self._pace = pace
        self._waiting = {each.slug: each for each in waiting}
        self._listed: frozenset[str] = frozenset()
        self.changed = False  # since `take_state`

    def take_state(self) -> list[Waiting]:
        """All that must be kept."""
        self.changed = False
        return list(self._waiting.values())

    def select(self, markets: Iterable[Market], now_ns: int) -> list[Waiting]:
        """These are recorded now. Those that were before stay until they are over; the ones that are given up now."""
        found = {market.slug: market for market in markets}
        self._listed = frozenset(found)
        for slug, market in found.items():
            if slug not in self._waiting and market.condition_id and len(self._waiting) < MOST_FOLLOWED:
                self._waiting[slug] = _begun(market, self._pace, now_ns)
                self.changed = True
        return self._forget(now_ns)

    def _forget(self, now_ns: int) -> list[Waiting]:
        given_up = [each for each in self._waiting.values() if self._is_given_up(each, now_ns)]
        for each in given_up:
            each.given_up = True
        gone = [
            each.slug
            for each in self._waiting.values()
            if each.slug not in self._listed and (each.is_over or each.end_ns is None)
        ]
        for slug in gone:
            del self._waiting[slug]
        self.changed = self.changed or bool(gone or given_up)
        return given_up

    def _is_given_up(self, each: Waiting, now_ns: int) -> bool:
        end_ns = each.end_ns
        if each.is_over or end_ns is None:
            return False
        return now_ns > end_ns + int(self._pace.give_up_s * NS_PER_SECOND)

    @property
    def waiting(self) -> int:
        """How many windows are followed whose outcome is not known from both sources."""
        return sum(
            not (each.is_resolved or each.given_up)
            for each in self._waiting.values()
            if each.end_ns is not None
        )

    @property
    def disagreements(self) -> list[str]:
        """What sources disagree on, as messages, of the windows that are still followed."""
        return [each.disagreement for each in self._waiting.values() if each.disagreement]

    def due(self, source: Source, now_ns: int) -> list[Waiting]:
        """The windows of which a source is to be asked now, the longest overdue first."""
        found = [each for each in self._waiting.values() if self._due_ns(each, source, now_ns) <= now_ns]
        return sorted(found, key=lambda each: each.asked[source].next_ns)

    def _due_ns(self, each: Waiting, source: Source, now_ns: int) -> int:
        asked, end_ns = each.asked[source], each.end_ns
        if end_ns is None or each.given_up or asked.rechecked or now_ns < end_ns:
            return NEVER_NS
        longest_ns = int(max(self._pace.longest_s, self._pace.recheck_s) * NS_PER_SECOND)
        return asked.next_ns if asked.next_ns - now_ns <= longest_ns else now_ns  # the clock was set back

    def metadata_due(self, now_ns: int) -> list[Waiting]:
        """The markets whose metadata is to be looked at now: those selected just now first."""
        interval_ns = int(self._pace.metadata_s * NS_PER_SECOND)
        found = [
            each
            for each in self._waiting.values()
            if each.slug in self._listed
            and (each.metadata_next_ns <= now_ns or each.metadata_next_ns - now_ns > interval_ns)
        ]
        return sorted(found, key=lambda each: each.metadata_next_ns)

    def answered(self, each: Waiting, source: Source, winner: str | None, now_ns: int) -> Change:
        """Note what a source says of a window: an outcome, "" for none yet, None where no usable answer came."""
        asked, was_resolved, before = each.asked[source], each.is_resolved, each.asked[source].winner
        asked.times += 1
        self.changed = True
        if winner is None:
            asked.next_ns = now_ns + self._interval_ns(asked.times)
            return Change()
        corrected = bool(before) and winner != before
        asked.rechecked = bool(before) and not corrected
        asked.winner = winner
        if winner and not corrected:
            asked.next_ns = now_ns + int(self._pace.recheck_s * NS_PER_SECOND)
        else:
            asked.times = 0 if corrected else asked.times
            asked.next_ns = now_ns + self._interval_ns(asked.times)
        disagreed, each.disagreement = each.disagreement, _disagreement(each)
        return Change(
            resolved=each.is_resolved and not was_resolved,
            corrected=corrected,
            disagrees=bool(each.disagreement) and not disagreed,
        )

    def metadata_seen(self, each: Waiting, digest: str, now_ns: int) -> bool:
        """Note the metadata of a market, "" where none came; whether it differs from what was recorded last."""
        interval_s = self._pace.metadata_s if digest else min(self._pace.first_s, self._pace.metadata_s)
        each.metadata_next_ns = now_ns + int(interval_s * NS_PER_SECOND)
        if not digest or digest == each.metadata_sha256:
            return False
        each.metadata_sha256 = digest
        self.changed = True
        return True

    def _interval_ns(self, times: int) -> int:
        grown_s = self._pace.first_s * GROWTH ** min(times, 60)
        return int(min(grown_s, self._pace.longest_s) * NS_PER_SECOND)


def _begun(market: Market, pace: Pace, now_ns: int) -> Waiting:
    each = Waiting(
        slug=market.slug,
        condition_id=market.condition_id,
        token_ids=tuple(token.token_id for token in market.tokens),
        outcomes=tuple(token.outcome for token in market.tokens),
        start_utc=market.start_time_utc,
        end_utc=market.end_time_utc,
        protocol=market.protocol,
        metadata_next_ns=now_ns,
    )
    first_ns = (each.end_ns or now_ns) + int(pace.first_s * NS_PER_SECOND)
    for asked in each.asked.values():
        asked.next_ns = first_ns
    return each


def _disagreement(each: Waiting) -> str:
    """What the sources contradict each other in, as a message; empty where they do not."""
    told: Mapping[str, str] = {source: asked.winner for source, asked in each.asked.items() if asked.winner}
    if len(set(told.values())) < 2:
        return ""
    return f"{each.slug}: " + ", ".join(f"{source} says {winner}" for source, winner in sorted(told.items()))
