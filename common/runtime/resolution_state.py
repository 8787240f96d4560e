"""The file of the windows whose outcome is waited for: it outlives the process, the run and the machine.

The discovery file forgets a window three minutes after its end; a recorder that was away when a window was resolved
asks about it by this file.
"""

import logging
from pathlib import Path

import msgspec

from common.core.format_version import newer_than_known
from common.core.market import Exchange
from common.core.resolution.watch import Waiting
from common.files import write_atomically
from common.version import PROGRAM_VERSION

FILE_NAME = "polymarket_resolutions_waiting.json"
RESOLUTIONS_FORMAT = 1

log = logging.getLogger(__name__)


class _Kept(msgspec.Struct):
    exchange: Exchange
    waiting: list[Waiting]
    format_version: int = RESOLUTIONS_FORMAT
    program_version: str = PROGRAM_VERSION


class WaitingFile:
    """Read once at the start, replaced while the process runs."""

    def __init__(self, data_root: Path, exchange: Exchange) -> None:
        self._path, self._exchange = data_root / "discovery" / FILE_NAME, exchange
        self._refused = self._failed = False

    def load(self) -> list[Waiting]:
        """What an earlier life waited for; nothing where there is no file, or none that can be used."""
        try:
            document = self._path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("windows waited for are not known", extra={"reason": str(error)})
            return []
        if reason := newer_than_known(document, known=RESOLUTIONS_FORMAT, what=str(self._path)):
            self._refused = True  # and left as it is
            log.error("windows waited for are not known", extra={"reason": reason})
            return []
        try:
            kept = msgspec.json.decode(document, type=_Kept)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            log.warning("windows waited for are not known", extra={"reason": f"{self._path}: {error}"})
            return []
        return kept.waiting if kept.exchange == self._exchange else []

    def save(self, waiting: list[Waiting]) -> bool:
        """Replace it durably; whether that succeeded. A disk that takes nothing stops nobody."""
        if self._refused:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.json.encode(_Kept(self._exchange, waiting)) + b"\n")
        except OSError as error:
            if not self._failed:
                log.warning("windows waited for are not kept, trying again", extra={"reason": str(error)})
            self._failed = True
            return False
        self._failed = False
        return True
