"""Gzip members (RFC 1952): rows in, compressed bytes out, every flush a place where the member can be ended.

Levels 1 to 3 are ISA-L's, 4 to 9 zlib's. The deflate stream is raw, with a header and trailer of our own, so
that the member that a dead writer left can be ended in place from what the journal knows of it.
"""

import struct
import zlib
from typing import Protocol

from isal import isal_zlib

HIGHEST_ISAL_LEVEL = 3
MEMBER_BYTES = 4 << 20  # uncompressed; bounds what a damaged byte can hide
_BATCH_BYTES = 64 << 10  # rows are joined to this before they are compressed: fewer, larger calls
_RAW_DEFLATE = -15
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_EMPTY_FINAL_BLOCK = b"\x01\x00\x00\xff\xff"  # a stored block of no bytes, marked as the last one
_TRAILER = struct.Struct("<II")


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self, mode: int = ..., /) -> bytes: ...


def ending(crc: int, size: int) -> bytes:
    """What ends a member in place behind a flush: `crc` and `size` are of its uncompressed bytes so far."""
    return _EMPTY_FINAL_BLOCK + _TRAILER.pack(crc, size & 0xFFFFFFFF)


class MemberStream:
    """Rows become members of about MEMBER_BYTES each.

    `crc` and `size` describe the uncompressed bytes of the unfinished member as of the last flush; a
    size of 0 means that there is none, and that nothing needs an ending.
    """

    def __init__(self, level: int) -> None:
        self.crc = 0
        self.size = 0
        self._level = level
        self._compressor: _Compressor | None = None
        self._rows: list[bytes] = []
        self._waiting = 0

    def add(self, row: bytes) -> bytes:
        """Take a row; gives the compressed bytes that are ready, mostly none."""
        self._rows.append(row)
        self._waiting += len(row)
        if self._waiting < _BATCH_BYTES:
            return b""
        ready = self._compress()
        return ready if self.size < MEMBER_BYTES else ready + self._finish()

    def flush(self) -> bytes:
        """Bytes that make every row so far readable; the member may go on behind them."""
        ready = self._compress()
        if self._compressor is None:
            return ready
        return ready + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """Bytes that complete the member with every row so far."""
        ready = self._compress()
        return ready if self._compressor is None else ready + self._finish()

    def _compress(self) -> bytes:
        if not self._rows:
            return b""
        data = b"".join(self._rows)
        self._rows, self._waiting = [], 0
        header = b""
        if self._compressor is None:
            self._compressor, header = _new_compressor(self._level), _HEADER
        self.crc = isal_zlib.crc32(data, self.crc)
        self.size += len(data)
        return header + self._compressor.compress(data)

    def _finish(self) -> bytes:
        assert self._compressor is not None
        last = self._compressor.flush(zlib.Z_FINISH) + _TRAILER.pack(self.crc, self.size & 0xFFFFFFFF)
        self._compressor, self.crc, self.size = None, 0, 0
        return last


def _new_compressor(level: int) -> _Compressor:
    library = isal_zlib if level <= HIGHEST_ISAL_LEVEL else zlib
    compressor: _Compressor = library.compressobj(level, zlib.DEFLATED, _RAW_DEFLATE)
    return compressor
