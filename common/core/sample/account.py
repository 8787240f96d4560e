"""The sample's account of itself: what was asked, what its files hold when read again, and the verdict."""

from collections.abc import Mapping
from typing import Any

import msgspec

from common.core.events.not_understood import Unused
from common.core.market import Exchange, Market

SAMPLE_SCHEMA_VERSION = 1
MOST_BARS = 30
_BAR_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400)


class Reason(msgspec.Struct, frozen=True):
    """Why a sample needs review, and what to type next."""

    words: str
    next_command: str


class SampleRun(msgspec.Struct, frozen=True):
    """What the command knows: what it was asked for, and what went wrong on the way.

    `command` is how to run the same again, as one types it, `next_command` what to run after a pass.
    """

    run_id: str
    started_at_utc: str
    ended_at_utc: str
    duration_seconds: float
    markets: tuple[Market, ...]
    config_sha256: str
    exchange: Exchange
    command: str = "bin/record-sample"
    next_command: str = "bin/run-recorder"
    reasons: tuple[Reason, ...] = ()


class OutputFile(msgspec.Struct, frozen=True):
    """One closed archive of the sample; `path` is below the data root, `bytes` the compressed size."""

    stream: str
    path: str
    bytes: int
    sha256: str
    rows: int


class CheckpointFacts(msgspec.Struct, frozen=True):
    """One REST request. Successful: status 200, a JSON list of books, no error."""

    checkpoint_sequence: int
    received_at_utc: str
    status_code: int | None
    elapsed_ms: float | None
    books: int
    missing_tokens: int
    error: str | None
    successful: bool


class TimeChart(msgspec.Struct, frozen=True):
    """Messages over the receive time: one count for each `seconds_per_bar`, at most MOST_BARS of them."""

    first_second: int
    seconds_per_bar: int
    counts: tuple[int, ...]


class SampleFacts(msgspec.Struct, frozen=True):
    """What reading both outputs again has shown.

    `findings` are what `bin/verify-archives` would find in these files. `unclosed` are paths below the data root.
    `rows_of_exchange` counts rows by the exchange that they state, `events` the events and REST books that could be
    read, `unusable` those that could not.
    """

    files: tuple[OutputFile, ...]
    unclosed: tuple[str, ...]
    rows: int
    unreadable_lines: int
    wrong_rows: int
    findings: tuple[str, ...]
    messages: int
    market_messages: int
    events: int
    unusable: tuple[Unused, ...]
    unusual_forms: Mapping[str, int]
    messages_by_type: Mapping[str, int]
    messages_over_time: TimeChart
    sessions: int
    gaps: tuple[dict[str, Any], ...]
    rows_of_exchange: Mapping[str, int]
    checkpoints: tuple[CheckpointFacts, ...]


class SampleManifest(msgspec.Struct, frozen=True):
    """The sample's manifest file, and all that its report tells."""

    schema_version: int
    verdict: str
    reasons: tuple[Reason, ...]
    next_command: str
    run_id: str
    started_at_utc: str
    ended_at_utc: str
    duration_seconds: float
    config_sha256: str
    data_root: str
    markets: tuple[Market, ...]
    counts: Mapping[str, int]
    messages_by_type: Mapping[str, int]
    messages_over_time: TimeChart
    checkpoints: tuple[CheckpointFacts, ...]
    gaps: tuple[dict[str, Any], ...]
    unusable: tuple[Unused, ...]
    unusual_forms: Mapping[str, int]
    problems: tuple[str, ...]
    files: tuple[OutputFile, ...]
    exchange: Exchange
    program_version: str = ""


def time_chart(messages_by_second: Mapping[int, int]) -> TimeChart:
    """Counts by epoch second, gathered into few enough bars to be read at a glance."""
    if not messages_by_second:
        return TimeChart(0, 1, ())
    first, last = min(messages_by_second), max(messages_by_second)
    span = last - first + 1
    width = next((s for s in _BAR_SECONDS if -(-span // s) <= MOST_BARS), -(-span // MOST_BARS))
    counts = [0] * -(-span // width)
    for second, count in messages_by_second.items():
        counts[(second - first) // width] += count
    return TimeChart(first, width, tuple(counts))
