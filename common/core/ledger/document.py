"""The hour's ledger: one document for each stream and archive window that accounts for every token in it.

`complete`: connected all the time. `degraded`: connected all the time, but something that should have come did
not. `gap`: some of the time is missing, declared or not. `missing`: all of it is.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from common.core.causes import Cause
from common.core.events.not_understood import Unused
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.ledger.legs_document import FeedLegs, TokenLegs
from common.core.number_runs import Run, count, joined, without
from common.core.rows.origin import Leg

LEDGER_SCHEMA_VERSION = 3  # 1: neither what cannot be read nor for how long a book was wrong; 2: no legs
TOLERANCE_NS = 1_000_000  # gap rows tell microseconds, and a clock reading stands beside each row
HARMLESS: Collection[Cause] = (
    "no_active_tokens",
    "all_subscribed_assets_resolved",
)  # nothing was there to miss

Condition = Literal["complete", "degraded", "gap", "missing"]
_WORST_FIRST: tuple[Condition, ...] = ("missing", "gap", "degraded", "complete")


class Window(msgspec.Struct, frozen=True):
    """The stretch of time that a ledger is about, in nanoseconds since 1970; `to_ns` is not part of it."""

    from_ns: int
    to_ns: int

    @property
    def run(self) -> Run:
        """The same with both ends included."""
        return (self.from_ns, self.to_ns - 1)

    def clip(self, at_ns: int) -> int:
        """The moment of the window, both edges included, that is nearest to an instant."""
        return min(max(at_ns, self.from_ns), self.to_ns)


class HourGap(msgspec.Struct, frozen=True):
    """What a declared gap covers of the window; its leg where there are two."""

    from_utc: str
    to_utc: str
    cause: str
    leg: Leg | UnsetType = UNSET


class NotRecorded(msgspec.Struct, frozen=True):
    """A window that was open between two instants and not recorded, and why."""

    market_slug: str
    from_utc: str
    to_utc: str
    reason: str


class LedgerArchive(msgspec.Struct, frozen=True):
    """One archive that was read for a ledger, as its sidecar describes it."""

    name: str
    rows: int
    sha256: str


class TokenHour(msgspec.Struct, frozen=True):
    """One token in the websocket stream. Seconds are of this window; README.md beside it explains each field."""

    token_id: str
    market_slug: str
    outcome: str
    condition: Condition
    connected_seconds: float
    silent_seconds: float
    gap_seconds: float
    unaccounted_seconds: float
    gaps: tuple[HourGap, ...]
    messages: int
    first_book_seconds: float | None
    books_missing: int
    checks_passed: int
    size_only: int
    divergences: int
    not_checkable: int
    unusable_events: int
    wrong_batches: int
    wrong_seconds: float
    legs: TokenLegs | UnsetType = UNSET


class TokenCheckpoints(msgspec.Struct, frozen=True):
    """One token in the REST stream: how often its book was asked for, and what came of it."""

    token_id: str
    market_slug: str
    outcome: str
    condition: Condition
    asked: int
    answered: int
    absent: int
    failed: int
    unreadable: int
    wrong: int


class HourLedger(msgspec.Struct, frozen=True):
    """What the documents of both streams have in common. The longest pause is one without data, for any reason."""

    schema_version: int
    stream: str
    from_utc: str
    to_utc: str
    condition: Condition
    archives: tuple[LedgerArchive, ...]
    unreadable: tuple[str, ...]
    sessions: int
    messages: int
    gaps: tuple[HourGap, ...]
    longest_pause_seconds: float
    unusable: tuple[Unused, ...]
    unusual_forms: Mapping[str, int]


class OlderToken(msgspec.Struct, frozen=True):
    """What a ledger of any version states of a token."""

    condition: Condition


class OlderLedger(msgspec.Struct, frozen=True):
    """What a ledger of any version states."""

    schema_version: int
    stream: str
    from_utc: str
    condition: Condition
    tokens: tuple[OlderToken, ...]
    program_version: str = ""


class FeedLedger(HourLedger, frozen=True):
    """The document of the websocket stream. `exchange` is None where no row states it.

    `program_version` is of the program that computed it, empty where that is not known.
    """

    connected_seconds: float
    unaccounted_seconds: float
    checks_passed: int
    divergences: int
    wrong_batches: int
    tokens: tuple[TokenHour, ...]
    not_recorded: tuple[NotRecorded, ...] = ()
    exchange: str | None = None
    legs: FeedLegs | UnsetType = UNSET
    program_version: str = ""


class CheckpointLedger(HourLedger, frozen=True):
    """The document of the REST stream; its `messages` are requests. `exchange` as over the websocket."""

    tokens: tuple[TokenCheckpoints, ...]
    exchange: str | None = None
    program_version: str = ""


AnyLedger = FeedLedger | CheckpointLedger


class GapTime(msgspec.Struct, frozen=True, order=True):
    """A declared gap: the stretch, in nanoseconds, and why.

    It is of the tokens in `token_ids` alone, or of a window that is not recorded, of which only the slug is known;
    with neither it is of everything that its producer records.
    """

    from_ns: int
    to_ns: int
    cause: str
    token_ids: tuple[str, ...] = ()
    market_slug: str = ""
    reason: str = ""

    def within(self, window: Window) -> "GapTime | None":
        """Its part in the window, None where it has none."""
        if self.to_ns < window.from_ns or self.from_ns >= window.to_ns or self.to_ns < self.from_ns:
            return None
        from_ns, to_ns = window.clip(self.from_ns), window.clip(self.to_ns)
        return msgspec.structs.replace(self, from_ns=from_ns, to_ns=to_ns)

    @property
    def of_all(self) -> bool:
        """Whether it is of everything that its producer records."""
        return not self.token_ids and not self.market_slug

    @property
    def harmless(self) -> bool:
        """Whether nothing can have been missed in it."""
        return self.cause in HARMLESS


def runs_of(gaps: Iterable[GapTime]) -> list[Run]:
    """The time of gaps, both ends included: the gap of one message lasts a nanosecond."""
    return joined((gap.from_ns, max(gap.from_ns, gap.to_ns - 1)) for gap in gaps)


def as_told(gaps: Iterable[GapTime], leg: Leg | UnsetType = UNSET) -> tuple[HourGap, ...]:
    """Gaps as a ledger tells them, each once, in the order of time."""
    stretches = sorted({(gap.from_ns, gap.to_ns, gap.cause) for gap in gaps})
    return tuple(
        HourGap(utc_text(from_ns), utc_text(to_ns), cause, leg) for from_ns, to_ns, cause in stretches
    )


def windows_not_recorded(gaps: Iterable[GapTime]) -> tuple[NotRecorded, ...]:
    """What gaps declare of windows that are not recorded, in the order of their slugs and of time."""
    found = sorted({(gap.market_slug, gap.from_ns, gap.to_ns, gap.reason) for gap in gaps if gap.market_slug})
    return tuple(
        NotRecorded(slug, utc_text(from_ns), utc_text(to_ns), reason)
        for slug, from_ns, to_ns, reason in found
    )


def left_open(expected: Sequence[Run], covered: Iterable[Run]) -> list[Run]:
    """The expected time that nothing covers, less what the precision of the rows explains."""
    open_time = without(expected, joined(covered))
    return [(first, last) for first, last in open_time if last - first > TOLERANCE_NS]


def seconds(runs: Iterable[Run]) -> float:
    """The length of stretches that do not overlap, to the millisecond."""
    return round(count(runs) / NS_PER_SECOND, 3)


def worst(conditions: Iterable[Condition]) -> Condition:
    """The worst of them; `complete` where there are none."""
    return min(conditions, key=_WORST_FIRST.index, default="complete")
