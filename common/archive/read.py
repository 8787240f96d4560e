"""Reading archives back: whole lines, streaming, and an exact place where one is torn."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from isal import isal_zlib

from common.core.rows.names import ARCHIVE_SUFFIX, RUNTIME_FOLDER, SAMPLE_FOLDER
from common.errors import ArchiveError

_STEP = 64 << 10
_DECODE_ERROR = cast("type[Exception]", isal_zlib.error)  # the library's stubs call it an instance
_GZIP = 31  # window bits that ask for a gzip header and check the trailer


def iterate_lines(path: Path) -> Iterator[bytes]:
    """Every line of a gzip file of any number of members, each with its line feed, which alone ends a line.

    Raises ArchiveError naming the file and the byte position where it is torn or altered, or if
    its last line is cut.
    """
    parts: list[bytes] = []
    try:
        with path.open("rb") as file:
            for piece in _decompressed(file, path):
                lines = piece.split(b"\n")
                parts.append(lines[0])
                if len(lines) == 1:
                    continue
                yield b"".join(parts) + b"\n"
                for line in lines[1:-1]:
                    yield line + b"\n"
                parts = [lines[-1]]
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read ({error.strerror})") from error
    if any(parts):
        raise ArchiveError(f"{path}: its last line is cut: it does not end in a line feed")


def iterate_open_lines(path: Path, length: int) -> Iterator[bytes]:
    """The whole lines in the first `length` bytes of an open archive: what its journal says is durable.

    Raises ArchiveError where it cannot be read, as when it has just been closed.
    """
    rest = b""
    try:
        with path.open("rb") as file:
            for piece in _decompressed(_Beginning(file, length), path, whole=False):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (line + b"\n" for line in lines)
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read ({error.strerror})") from error


class _Beginning:
    """The first bytes of a file."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._left = file, length

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data


def closed_archives(data_root: Path) -> list[Path]:
    """Every closed archive below the data root, of the runtime and of samples, ordered by path."""
    folders = (data_root / RUNTIME_FOLDER, data_root / SAMPLE_FOLDER)
    found = (path for folder in folders for path in folder.rglob(f"*{ARCHIVE_SUFFIX}"))
    return sorted(path for path in found if not path.name.startswith(".") and path.is_file())


def _decompressed(file: BinaryIO | _Beginning, path: Path, *, whole: bool = True) -> Iterator[bytes]:
    position = 0
    member = None
    while data := file.read(_STEP):
        while data:
            member = member or isal_zlib.decompressobj(_GZIP)
            try:
                piece = member.decompress(data)
            except _DECODE_ERROR as error:
                raise ArchiveError(
                    f"{path}: torn or altered at or behind byte {position}: {error}"
                ) from error
            rest = member.unused_data if member.eof else b""
            position += len(data) - len(rest)
            if member.eof:
                member = None
            data = rest
            yield piece
    if member is not None and whole:
        raise ArchiveError(f"{path}: torn at byte {position}: a gzip member does not end")
