"""Which files are on their way to the remote: durable before the first byte goes, so that a kill leaves word of it."""

from collections.abc import Collection
from pathlib import Path

import msgspec

from common.core.uploads.record import UPLOADS_FOLDER
from common.files import write_atomically

BEGUN = f"{UPLOADS_FOLDER}/begun.json"


class Begun:
    """A file in it may be torn at the remote, and by us: its upload began, and nobody said that it ended."""

    def __init__(self, data_root: Path) -> None:
        self._root = data_root
        self._paths: set[str] | None = None

    def __contains__(self, path: str) -> bool:
        return path in self._known()

    def begin(self, paths: Collection[str]) -> None:
        """Note them durably. Raises OSError."""
        self._replace({path for path in self._known() if (self._root / path).exists()} | set(paths))

    def end(self, paths: Collection[str]) -> None:
        """They arrived, as far as anybody knows. Raises OSError."""
        self._replace(self._known() - set(paths))

    def _known(self) -> set[str]:
        if self._paths is None:
            try:
                self._paths = set(msgspec.json.decode((self._root / BEGUN).read_bytes(), type=list[str]))
            except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
                self._paths = set()
        return self._paths

    def _replace(self, paths: set[str]) -> None:
        if paths != self._known():
            text = msgspec.json.format(msgspec.json.encode(sorted(paths)), indent=1) + b"\n"
            write_atomically(self._root / BEGUN, text)
            self._paths = paths
