"""Which archive a row goes to: the open archives of a lane by stream, producer and window."""

import time
from pathlib import Path

from common.archive.writing.open_archive import OpenArchive, free_path
from common.core.rows.names import Layout
from common.files import Disk

_Key = tuple[str, str, int]  # stream, producer ("" where all share), start of the window


class Placement:
    """Opens archives as rows need them, and marks those whose window is over.

    `closing` archives take no more rows; the code that commits them hands them to `done`.
    """

    def __init__(self, data_root: Path, lane: int, *, layout: Layout, gzip_level: int, disk: Disk) -> None:
        self.closing: list[OpenArchive] = []
        self._root, self._lane, self._layout = data_root, lane, layout
        self._gzip_level, self._disk = gzip_level, disk
        self._open: dict[_Key, OpenArchive] = {}
        self._current: dict[tuple[str, str], int] = {}

    @property
    def taking_rows(self) -> list[OpenArchive]:
        """The archives that are not closing."""
        return list(self._open.values())

    def archive_for(self, stream: str, producer: str, lane_sequence: int, received_at_ns: int) -> OpenArchive:
        """The archive of a row, opened if need be. A row of a newer window ends the producer's older ones.

        Where the clock stepped back, an older window gets an archive of its own; none is opened again.
        Raises OSError.
        """
        sharing = self._layout.shares_archive(producer)
        window = self._layout.window_start_ns(received_at_ns)
        if self._current.get((stream, sharing)) != window:
            for key in [key for key in self._open if key[:2] == (stream, sharing) and key[2] < window]:
                self._mark_closing(key)
            if (stream, sharing, window) not in self._open:
                self._open[stream, sharing, window] = self._new(stream, sharing, lane_sequence, window)
            self._current[stream, sharing] = window
        return self._open[stream, sharing, window]

    def close_windows_before(self, producer: str, received_at_ns: int) -> None:
        """Mark the producer's archives of earlier windows as closing."""
        sharing = self._layout.shares_archive(producer)
        window = self._layout.window_start_ns(received_at_ns)
        for key in [key for key in self._open if key[1] == sharing and key[2] < window]:
            self._mark_closing(key)

    def close_all(self) -> None:
        """Mark every archive as closing."""
        for key in list(self._open):
            self._mark_closing(key)

    def done(self, archive: OpenArchive) -> None:
        """A closing archive has its name now."""
        self.closing.remove(archive)
        archive.release()

    def release(self) -> None:
        """Give all descriptors back; the archives stay as a crash would leave them."""
        for archive in (*self._open.values(), *self.closing):
            archive.release()
        self._open, self.closing, self._current = {}, [], {}

    def _new(self, stream: str, sharing: str, first_sequence: int, window: int) -> OpenArchive:
        path = self._layout.path(
            stream, sharing, lane=self._lane, first_sequence=first_sequence, window_start_ns=window
        )
        return OpenArchive(
            self._root,
            free_path(self._root, path),
            stream,
            gzip_level=self._gzip_level,
            now_ns=time.time_ns(),
            disk=self._disk,
        )

    def _mark_closing(self, key: _Key) -> None:
        self.closing.append(self._open.pop(key))
        if self._current.get(key[:2]) == key[2]:
            del self._current[key[:2]]
