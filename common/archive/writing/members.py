"""Gzip members (RFC 1952): rows in, compressed bytes out, every flush a place where the member can be ended.

Levels 1 to 3 are ISA-L's, 4 to 9 zlib's. The deflate stream is raw, with a header and trailer of our own, so
that the member that a dead writer left can be ended in place from what the journal knows of it.

A compressor looks back 32 KiB. Rows that are longer do not profit from the rows before them: what is constant in them
is compressed once, for itself, and its bytes are put into the stream for every row.
"""

import struct
import zlib
from typing import Protocol

from isal import isal_zlib

from common.archive.constant_block import constant_block
from common.core.rows.websocket import Rows

HIGHEST_ISAL_LEVEL = 3
MEMBER_BYTES = 4 << 20  # uncompressed; bounds what a damaged byte can hide
_BATCH_BYTES = 64 << 10  # rows are joined to this before they are compressed: fewer, larger calls
LONG_CONSTANT_BYTES = 30_000  # with what follows it, more than a compressor looks back
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
    size of 0 means that there is none, and that nothing needs an ending. `uncompressed_bytes` is of all rows
    so far, `ready_bytes` of what `take` would give.
    """

    def __init__(self, level: int) -> None:
        self.crc = 0
        self.size = 0
        self.uncompressed_bytes = 0
        self.ready_bytes = 0
        self._level = level
        self._compressor: _Compressor | None = None
        self._between_blocks: _Compressor | None = None
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._ready: list[bytes] = []

    def add(self, rows: Rows) -> None:
        """Take rows; some of what is compressed may be ready then."""
        if len(rows.constant) >= LONG_CONSTANT_BYTES:
            self._splice(rows)
        else:
            data = rows.joined()
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            self.uncompressed_bytes += len(data)
            if self._waiting_bytes >= _BATCH_BYTES:
                self._compress()
        if self.size >= MEMBER_BYTES:
            self._finish()

    def flush(self) -> None:
        """Make every row so far readable in what is taken next; the member may go on behind them."""
        self._compress()
        if self._compressor is not None:
            self._put(self._compressor.flush(zlib.Z_SYNC_FLUSH))

    def end(self) -> None:
        """Complete the member with every row so far."""
        self._compress()
        if self._compressor is not None:
            self._finish()

    def take(self) -> bytes:
        """The bytes that are ready; they are handed out once."""
        data = b"".join(self._ready)
        self._ready, self.ready_bytes = [], 0
        return data

    def _put(self, data: bytes) -> None:
        self._ready.append(data)
        self.ready_bytes += len(data)

    def _compress(self) -> None:
        if not self._waiting:
            return
        data = b"".join(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        self._count(data)
        self._put(self._begun().compress(data))

    def _splice(self, rows: Rows) -> None:
        """What comes behind a block must not refer to what came before it: every row begins afresh.

        So little comes after it that the fastest compressor of all will do, where speed was asked for.
        """
        self._compress()
        compressor = self._begun()
        self._put(compressor.flush(zlib.Z_FULL_FLUSH))
        if self._level <= HIGHEST_ISAL_LEVEL:
            compressor = self._between_blocks = self._between_blocks or _new_compressor(0)
        block = constant_block(rows.constant)
        for rest in rows.rests:
            self.crc = isal_zlib.crc32_combine(self.crc, block.crc, block.size)
            self.size += block.size
            self._count(rest)
            self._put(block.data)
            self._put(compressor.compress(rest) + compressor.flush(zlib.Z_FULL_FLUSH))
        self.uncompressed_bytes += len(rows.constant) * len(rows.rests) + sum(map(len, rows.rests))

    def _count(self, data: bytes) -> None:
        self.crc = isal_zlib.crc32(data, self.crc)
        self.size += len(data)

    def _begun(self) -> _Compressor:
        if self._compressor is None:
            self._compressor = _new_compressor(self._level)
            self._put(_HEADER)
        return self._compressor

    def _finish(self) -> None:
        assert self._compressor is not None
        self._put(self._compressor.flush(zlib.Z_FINISH) + _TRAILER.pack(self.crc, self.size & 0xFFFFFFFF))
        self._compressor, self.crc, self.size = None, 0, 0


def _new_compressor(level: int) -> _Compressor:
    library = isal_zlib if level <= HIGHEST_ISAL_LEVEL else zlib
    compressor: _Compressor = library.compressobj(level, zlib.DEFLATED, _RAW_DEFLATE)
    return compressor
