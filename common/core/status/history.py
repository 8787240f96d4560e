"""What the live status view remembers of earlier run manifests: rates need two of them."""

from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns

SHOWN_NS = 60 * NS_PER_SECOND
KEPT_NS = 70 * NS_PER_SECOND


class Sample(msgspec.Struct, frozen=True):
    """The moving figures of one manifest. `waiting` counts envelopes that are not yet durable."""

    at_ns: int
    messages: int
    waiting: int
    cpu_seconds: dict[int, float]


class History:
    """The samples of about the last minute, one for each manifest that was written."""

    def __init__(self) -> None:
        self._run_id = ""
        self._samples: deque[Sample] = deque()

    def note(self, manifest: Mapping[str, Any]) -> None:
        """Take a manifest in; one that is not newer changes nothing, one of another run starts again."""
        if manifest["run_id"] != self._run_id:
            self._run_id = manifest["run_id"]
            self._samples.clear()
        sample = _sample(manifest)
        if self._samples and sample.at_ns <= self._samples[-1].at_ns:
            return
        self._samples.append(sample)
        while self._samples[0].at_ns < sample.at_ns - KEPT_NS:
            self._samples.popleft()

    def rates(self, columns: int) -> list[float | None]:
        """Messages a second over the minute before the newest manifest; None where nothing is known."""
        pairs = list(pairwise(self._samples))
        return [
            next((_rate(old, new) for old, new in pairs if old.at_ns < at_ns <= new.at_ns), None)
            for at_ns in self._column_ends(columns)
        ]

    def waiting(self, columns: int) -> list[float | None]:
        """Envelopes that waited in the outboxes, over the same minute."""
        newest_first = list(reversed(self._samples))
        return [
            next((sample.waiting for sample in newest_first if sample.at_ns <= at_ns), None)
            for at_ns in self._column_ends(columns)
        ]

    def _column_ends(self, columns: int) -> list[int]:
        end_ns = self._samples[-1].at_ns if self._samples else 0
        return [end_ns - SHOWN_NS * back // columns for back in reversed(range(columns))]

    @property
    def latest_rate(self) -> float | None:
        """Messages a second between the two newest manifests."""
        return _rate(self._samples[-2], self._samples[-1]) if len(self._samples) > 1 else None

    def cpu_share(self, pid: int) -> float | None:
        """The part of one processor that a process used between the two newest manifests."""
        if len(self._samples) < 2:
            return None
        before, after = self._samples[-2], self._samples[-1]
        if pid not in before.cpu_seconds or pid not in after.cpu_seconds:
            return None
        used_s = after.cpu_seconds[pid] - before.cpu_seconds[pid]
        return max(used_s, 0.0) * NS_PER_SECOND / (after.at_ns - before.at_ns)


def _rate(before: Sample, after: Sample) -> float:
    return max(after.messages - before.messages, 0) * NS_PER_SECOND / (after.at_ns - before.at_ns)


def _sample(manifest: Mapping[str, Any]) -> Sample:
    return Sample(
        at_ns=parse_utc_ns(manifest["updated_at_utc"]),
        messages=manifest["counters"].get("ws_messages_total", 0),
        waiting=sum(sum(outbox["lanes"].values()) for outbox in manifest["queue"].values()),
        cpu_seconds={
            process["pid"]: process["cpu_seconds"]
            for process in manifest["processes"]
            if process["pid"] is not None and process["cpu_seconds"] is not None
        },
    )
