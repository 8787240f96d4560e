"""How much archives still grow until retention keeps them at its bounds, for the outlook of the disk."""

import msgspec

from common.core.uploads.outlook import Upload, UploadStated
from common.core.uploads.retention import Retention

WINDOWS_OVER = 2  # nothing goes of the window that is open, nor of the one that has no ledger yet


class Kept(msgspec.Struct, frozen=True):
    """Archives under a retention that works: bytes of all that are closed, and of those that wait for the remote."""

    retention: Retention
    held_bytes: int
    waiting_bytes: int
    window_s: float

    def still_to_come(self, bytes_per_second: float) -> float:
        """The most that the disk must take at this rate from now on."""
        bounds = []
        if self.retention.max_bytes:
            bounds.append(float(self.retention.max_bytes))
        if self.retention.max_age_seconds:
            bounds.append(self.retention.max_age_seconds * bytes_per_second)
        to_the_bound = max(0.0, min(bounds) - self.held_bytes)
        return to_the_bound + self.waiting_bytes + WINDOWS_OVER * self.window_s * bytes_per_second


def kept(
    stated: UploadStated | None, upload: Upload, retention: Retention, *, only_proved: bool, window_s: float
) -> Kept | None:
    """None where nothing is bounded, or where the bounds may not be kept.

    That is while the uploader has not stated what is here, and, where only proved archives may go, while uploads fail,
    are behind, or have proved nothing yet.
    """
    if not retention.is_on or stated is None or stated.held_bytes is None:
        return None
    if not only_proved:
        return Kept(retention, stated.held_bytes, 0, window_s)
    if not upload.enabled or upload.failing or upload.behind or not upload.verified_files:
        return None
    return Kept(retention, stated.held_bytes, upload.backlog_bytes or 0, window_s)
