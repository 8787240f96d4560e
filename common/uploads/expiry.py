"""Deletes archives by age and size although no remote has a proved copy: only where `retention.only_proved` is off."""

import time
from collections.abc import Callable
from pathlib import Path

from common.core.uploads.judgement import UploadEvent
from common.core.uploads.retention import Retention
from common.errors import ArchiveError
from common.uploads.sealed import remove, remove_sidecar_left, seal
from common.uploads.stock import Stock


class Expiry:
    """One pass after the other over a data root; the caller holds its upload lock.

    What is altered, has no sidecar, is open, or is not in a ledger yet stays, as when uploads are cleaned up. The
    record of a deletion is durable before the first byte goes, and holds the sidecar.
    """

    def __init__(
        self, data_root: Path, stock: Stock, retention: Retention, tell: Callable[[UploadEvent], None]
    ) -> None:
        self._root, self._stock, self._retention, self._tell = data_root, stock, retention, tell
        self.held_bytes: int | None = (
            None  # of the archives that the last pass left here; None if it was given up
        )

    def run_pass(self) -> str:
        """Delete what is due; returns as a message why that was given up, or nothing."""
        path = ""
        try:
            self._stock.look()
            for record in self._stock.half_removed():
                remove_sidecar_left(self._root, record.path, record.sidecar_sha256)
                self._cleaned(record.path, "unknown")
            for path, because in self._due().items():
                self._delete(path, because)
        except OSError as error:
            words = f"{error.filename or path}: {error.strerror or error}"
            self._tell(UploadEvent("failed", path, words))
            self.held_bytes = None
            return words
        self.held_bytes = self._stock.held_bytes
        return ""

    def _due(self) -> dict[str, str]:
        return dict(self._stock.due(self._retention, self._stock.needed_no_more))

    def _delete(self, path: str, because: str) -> None:
        try:
            sealed = seal(self._root, path)
            self._stock.record_unproved(sealed, time.time_ns(), because)
            remove(self._root, sealed)
        except FileNotFoundError:
            self._stock.gone(path)
        except ArchiveError as error:
            self._tell(UploadEvent("alarm", path, str(error)))
        else:
            self._cleaned(path, because)

    def _cleaned(self, path: str, because: str) -> None:
        self._stock.cleaned(path, time.time_ns(), because)
        self._tell(UploadEvent("cleaned", path, because))
