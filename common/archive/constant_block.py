"""What is the same in many long rows, compressed once: bytes that may stand anywhere in a deflate stream (RFC 1951)."""

import zlib
from functools import lru_cache

import msgspec

BLOCKS_KEPT = 1024  # one for each connection of a writer, or two: at most 256 readers of each leg
_RAW_DEFLATE = -15
_LEVEL = 9  # once for a subscription, however many rows it has
# Ids are random digits: to refer to three or four that came before takes more than to write them.
_STRATEGY = zlib.Z_FILTERED


class ConstantBlock(msgspec.Struct, frozen=True):
    """`data` begins and ends at a byte and refers to nothing before it; `crc` and `size` are of what it stands for."""

    data: bytes
    crc: int
    size: int


@lru_cache(maxsize=BLOCKS_KEPT)
def constant_block(constant: bytes) -> ConstantBlock:
    """The block of these bytes. The caller keeps `constant`, so that it is found again by its hash at once."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE, strategy=_STRATEGY)
    data = compressor.compress(constant) + compressor.flush(zlib.Z_FULL_FLUSH)
    return ConstantBlock(data, zlib.crc32(constant), len(constant))
