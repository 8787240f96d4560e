"""Uploads as an operator sees them: what waits for the remote, how it went last, and whether that is well."""

from collections.abc import Mapping
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns

LONG_WAIT_S = 3600.0  # an archive that waits longer is worth a word, however seldom uploads are looked for


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


def upload_of(
    told: Mapping[str, Any] | None, *, enabled: bool, cleans_up: bool, interval_s: float, now_ns: int
) -> Upload:
    """From the uploader's details, None where it has given none; what cannot be understood becomes the error."""
    settled = Upload(enabled=enabled, cleans_up=enabled and cleans_up)
    if told is None:
        return settled
    try:
        said = msgspec.convert(dict(told), Upload)
        age_s = _backlog_age_s(said, now_ns)
        failing = _is_failing(said)
        _check_times(said)
    except (msgspec.ValidationError, ValueError) as error:
        words = f"the state that the uploader reports cannot be understood: {error}"
        return msgspec.structs.replace(settled, failing=True, last_error=words)
    return msgspec.structs.replace(
        said,
        enabled=settled.enabled,
        cleans_up=settled.cleans_up,
        backlog_age_seconds=age_s,
        behind=age_s is not None and age_s > LONG_WAIT_S + 2 * interval_s,
        failing=failing,
    )


def _backlog_age_s(said: Upload, now_ns: int) -> float | None:
    if said.oldest_waiting_at_utc is not None:
        return max(0.0, round((now_ns - parse_utc_ns(said.oldest_waiting_at_utc)) / NS_PER_SECOND, 3))
    return 0.0 if said.backlog_files == 0 else None


def _is_failing(said: Upload) -> bool:
    if not said.last_error:
        return False
    if said.last_success_at_utc is None or said.last_error_at_utc is None:
        return True
    return parse_utc_ns(said.last_error_at_utc) >= parse_utc_ns(said.last_success_at_utc)


def _check_times(said: Upload) -> None:
    """Code that shows them relies on their being instants. Raises ValueError."""
    for text in (said.last_success_at_utc, said.last_error_at_utc, said.next_attempt_at_utc):
        if text is not None:
            parse_utc_ns(text)
