"""What an operator is told of uploads, from the events of many passes."""

from collections.abc import Mapping

from common.core.counters import CounterName
from common.core.instants import utc_text
from common.core.uploads.judgement import UploadEvent
from common.core.uploads.outlook import UploadStated
from common.uploads.passes import Figures

COUNTED_AS: Mapping[str, CounterName] = {
    "verified": "uploads_verified_total",
    "failed": "upload_failures_total",
    "alarm": "upload_failures_total",
    "away": "upload_failures_total",
    "cleaned": "archives_cleaned_total",
}


def counter_of(event: UploadEvent) -> CounterName | None:
    """The counter that an event moves; what went well is counted of archives alone, not of ledgers."""
    if event.kind in {"verified", "cleaned"} and not event.is_archive:
        return None
    return COUNTED_AS[event.kind]


class UploadAccount:
    """Gathers for the run manifest; times are wall nanoseconds, and it does not matter if the clock was put back."""

    def __init__(self, remote: str) -> None:
        self._remote = remote
        self._failing = False
        self._last_error, self._last_error_ns = "", 0

    def note(self, event: UploadEvent, now_ns: int) -> None:
        """Take an event."""
        if event.kind == "verified":
            self._failing = False
            self._last_error_ns = min(self._last_error_ns, now_ns - 1000)
        elif event.kind != "cleaned":
            self._failing = True
            self._last_error, self._last_error_ns = event.words, now_ns

    def stated(self, figures: Figures | None, next_attempt_ns: int | None) -> UploadStated:
        """What the uploader reports of itself; `next_attempt_ns` where it waits after a failure."""
        error = utc_text(self._last_error_ns) if self._last_error else None
        success = figures.last_proof_utc if figures is not None else None
        if success and error and self._failing:
            success = min(success, error)
        idle = figures.state if figures is not None else "idle"
        return UploadStated(
            remote=self._remote,
            state="waiting" if next_attempt_ns is not None else idle,
            backlog_files=figures.backlog_files if figures is not None else None,
            backlog_bytes=figures.backlog_bytes if figures is not None else None,
            oldest_waiting_at_utc=utc_text(figures.oldest_ns) if figures and figures.oldest_ns else None,
            verified_files=figures.verified_files if figures is not None else None,
            last_success_at_utc=success,
            last_error=self._last_error,
            last_error_at_utc=error,
            next_attempt_at_utc=utc_text(next_attempt_ns) if next_attempt_ns is not None else None,
            alarms=figures.alarms if figures is not None else (),
            held_bytes=figures.held_bytes if figures is not None else None,
        )
