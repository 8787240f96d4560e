"""The whole rows at the beginning of a gzip file that may be torn, altered, or end in zeros."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from common.core.rows.check import check_row

_STEP = 16 << 10
_BACKWARD_STEP = 1 << 20
_GZIP = 31  # window bits that ask for a gzip header and check the trailer


class WholeRows:
    """Iterate once for the rows, each with its line feed; then `bytes_read` of the file's `size` were sound.

    A loss of power can leave zeros at the end that decode to rows, so trailing zeros are not looked at. The
    first row that is not what it says of itself ends the iteration too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size
        self.bytes_read = 0

    def __iter__(self) -> Iterator[bytes]:
        """Raises OSError where the file cannot be read."""
        rest = b""
        with self._path.open("rb") as file:
            end = _without_zeros(file, self.size)
            file.seek(0)
            before = 0
            for piece in self._decompressed(file, end):
                *rows, rest = (rest + piece).split(b"\n")
                for row in rows:
                    if check_row(row):
                        self.bytes_read = before
                        return
                    yield row + b"\n"
                before = self.bytes_read

    def _decompressed(self, file: BinaryIO, end: int) -> Iterator[bytes]:
        member = None
        while data := file.read(min(_STEP, end - file.tell())):
            while data:
                member = member or zlib.decompressobj(_GZIP)
                before = member.copy()
                try:
                    piece = member.decompress(data)
                except zlib.error:
                    yield from self._byte_by_byte(before, data)
                    return
                rest = member.unused_data if member.eof else b""
                self.bytes_read += len(data) - len(rest)
                if member.eof:
                    member = None
                data = rest
                yield piece

    def _byte_by_byte(self, member: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
        """An error throws away the whole call's output, so the step with the tear is taken in small ones."""
        for at in range(len(data)):
            try:
                piece = member.decompress(data[at : at + 1])
            except zlib.error:
                return
            self.bytes_read += 1
            yield piece


def _without_zeros(file: BinaryIO, size: int) -> int:
    """The length of the file up to its last byte that is not zero."""
    end = size
    while end:
        begin = max(0, end - _BACKWARD_STEP)
        file.seek(begin)
        kept = file.read(end - begin).rstrip(b"\0")
        if kept:
            return begin + len(kept)
        end = begin
    return 0
