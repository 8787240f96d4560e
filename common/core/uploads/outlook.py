"""Uploads as an operator sees them: what waits for the remote, how it went last, and whether that is well."""

from typing import Literal

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns

LONG_WAIT_S = 3600.0  # an archive that waits longer is worth a word, however seldom uploads are looked for

UploadState = Literal["idle", "uploading", "verifying", "cleaning", "waiting"]


class Upload(msgspec.Struct, frozen=True):
    """`upload` of the run manifest. None stands where the uploader has not said anything (yet).

    `cleans_up`: local archives are deleted once they are proved. `behind`: the oldest archive waits for too
    long. `failing`: nothing has succeeded since the last error. Ages are in seconds, sizes in bytes.
    """

    enabled: bool = False
    cleans_up: bool = False
    remote: str | None = None
    state: str | None = None
    backlog_files: int | None = None
    backlog_bytes: int | None = None
    backlog_age_seconds: float | None = None
    behind: bool = False
    oldest_waiting_at_utc: str | None = None
    verified_files: int | None = None
    last_success_at_utc: str | None = None
    failing: bool = False
    last_error: str = ""
    last_error_at_utc: str | None = None
    next_attempt_at_utc: str | None = None
    alarms: tuple[str, ...] = ()

    @property
    def frees_room(self) -> bool:
        """Whether local archives go as they come, so that the disk does not fill."""
        return self.cleans_up and self.state is not None and not self.failing and not self.behind


class UploadStated(msgspec.Struct, frozen=True):
    """What the uploader reports itself. Figures are None before the first pass has looked at what waits.

    `held_bytes`: all archives that are here. None too while those that no remote has should be deleted and cannot be.
    """

    remote: str
    state: UploadState
    backlog_files: int | None
    backlog_bytes: int | None
    oldest_waiting_at_utc: str | None
    verified_files: int | None
    last_success_at_utc: str | None
    last_error: str
    last_error_at_utc: str | None
    next_attempt_at_utc: str | None
    alarms: tuple[str, ...]
    held_bytes: int | None


def upload_of(
    stated: UploadStated | None, *, enabled: bool, cleans_up: bool, interval_s: float, now_ns: int
) -> Upload:
    """From what the uploader states, None where it has not yet; times that are not instants become the error."""
    settled = Upload(enabled=enabled, cleans_up=enabled and cleans_up)
    if stated is None or not enabled:  # without uploads it states only what it holds
        return settled
    try:
        age_s = _backlog_age_s(stated, now_ns)
        failing = _is_failing(stated)
        _check_times(stated)
    except ValueError as error:
        words = f"the state that the uploader reports cannot be understood: {error}"
        return msgspec.structs.replace(settled, failing=True, last_error=words)
    return Upload(
        enabled=settled.enabled,
        cleans_up=settled.cleans_up,
        remote=stated.remote,
        state=stated.state,
        backlog_files=stated.backlog_files,
        backlog_bytes=stated.backlog_bytes,
        backlog_age_seconds=age_s,
        behind=age_s is not None and age_s > LONG_WAIT_S + 2 * interval_s,
        oldest_waiting_at_utc=stated.oldest_waiting_at_utc,
        verified_files=stated.verified_files,
        last_success_at_utc=stated.last_success_at_utc,
        failing=failing,
        last_error=stated.last_error,
        last_error_at_utc=stated.last_error_at_utc,
        next_attempt_at_utc=stated.next_attempt_at_utc,
        alarms=stated.alarms,
    )


def _backlog_age_s(stated: UploadStated, now_ns: int) -> float | None:
    if stated.oldest_waiting_at_utc is not None:
        return max(0.0, round((now_ns - parse_utc_ns(stated.oldest_waiting_at_utc)) / NS_PER_SECOND, 3))
    return 0.0 if stated.backlog_files == 0 else None


def _is_failing(stated: UploadStated) -> bool:
    if not stated.last_error:
        return False
    if stated.last_success_at_utc is None or stated.last_error_at_utc is None:
        return True
    return parse_utc_ns(stated.last_error_at_utc) >= parse_utc_ns(stated.last_success_at_utc)


def _check_times(stated: UploadStated) -> None:
    """Code that shows them relies on their being instants. Raises ValueError."""
    for text in (stated.last_success_at_utc, stated.last_error_at_utc, stated.next_attempt_at_utc):
        if text is not None:
            parse_utc_ns(text)
