"""The files of one hour: hidden while they are written, named when all of them are whole."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from common.core.formats.moments import Moment
from common.files import DISK, sha256_of

_UNFINISHED = ".open"


class Written(msgspec.Struct, frozen=True):
    """A file of the hour: its path below the output, what is in it, and what it could not hold."""

    path: str
    rows: int
    token_ids: tuple[str, ...]
    notes: tuple[str, ...] = ()


class NamedFile(msgspec.Struct, frozen=True):
    """A file that has its name."""

    path: str
    rows: int
    bytes: int
    sha256: str
    token_ids: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Writer(Protocol):
    """Makes the files of one hour in one format."""

    def take(self, moment: Moment) -> None:
        """The next moment; those of one token come in order."""

    def finish(self) -> Sequence[Written]:
        """Write what is left and close all files."""


class HourFiles:
    """Gives hidden paths to write to, and names for them in the end."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._hidden: dict[str, Path] = {}

    def path(self, relative: str) -> Path:
        """Where to write the file that will be at `relative` below the output."""
        final = self._output / relative
        final.parent.mkdir(parents=True, exist_ok=True)
        hidden = final.with_name(f".{final.name}{_UNFINISHED}")
        self._hidden[relative] = hidden
        return hidden

    def publish(self, written: Collection[Written]) -> list[NamedFile]:
        """Name the files, durably. Raises OSError."""
        named = [self._name(each) for each in sorted(written, key=lambda each: each.path)]
        for folder in {(self._output / file.path).parent for file in named}:
            DISK.sync_folder(folder)
        return named

    def discard(self) -> None:
        """Remove what has no name yet."""
        for hidden in self._hidden.values():
            DISK.remove(hidden)

    def _name(self, written: Written) -> NamedFile:
        hidden = self._hidden.pop(written.path)
        descriptor = DISK.open(hidden)
        try:
            DISK.sync(descriptor)
        finally:
            os.close(descriptor)
        DISK.rename(hidden, self._output / written.path)
        return file_of(self._output, written)


def file_of(output: Path, written: Written) -> NamedFile:
    """A file that has its name, with its size and sha256. Raises OSError."""
    path = output / written.path
    size, sha256 = path.stat().st_size, sha256_of(path)
    return NamedFile(written.path, written.rows, size, sha256, written.token_ids, written.notes)
