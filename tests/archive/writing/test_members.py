import gzip
import subprocess
import zlib
from pathlib import Path
from random import Random
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.archive.constant_block import BLOCKS_KEPT, constant_block
from common.archive.writing.members import LONG_CONSTANT_BYTES, MEMBER_BYTES, MemberStream, ending
from common.config import WebsocketSettings
from common.core.rows.websocket import Rows

SHORT = b'{"a":"' + b"0123456789" * 20
LONG = b'{"tokens":"' + b"".join(b"%d," % (n * 7919) for n in range(6000))
OTHER_LONG = LONG[::-1].replace(b"\n", b"")
assert len(LONG) > LONG_CONSTANT_BYTES
CONSTANTS = [b"", SHORT, LONG, OTHER_LONG]
rests = st.lists(st.binary(max_size=300).map(lambda data: data + b"\n"), min_size=1, max_size=5)
added = st.builds(Rows, st.sampled_from(CONSTANTS), rests)
steps = st.lists(added | st.sampled_from(["flush", "end"]), max_size=12)


@given(steps, st.sampled_from([1, 6]))
@settings(deadline=None)
def test_whatever_is_spliced_the_members_hold_the_rows_and_nothing_else(
    taken: list[Rows | str], level: int
) -> None:
    stream, compressed, plain = MemberStream(level), b"", b""
    for step in taken:
        if isinstance(step, Rows):
            stream.add(step)
            plain += step.joined()
        elif step == "flush":
            stream.flush()
        else:
            stream.end()
        compressed += stream.take()
        assert stream.uncompressed_bytes == len(plain)
        if step == "flush" and stream.size:
            assert gzip.decompress(compressed + ending(stream.crc, stream.size)) == plain
    stream.end()
    assert stream.ready_bytes == len(rest := stream.take())
    assert gzip.decompress(compressed + rest) == plain


def test_a_member_that_a_dead_writer_left_is_ended_in_place_behind_spliced_rows() -> None:
    stream = MemberStream(1)
    rows = Rows(LONG, [b'"first"}\n', b'"second"}\n'])
    stream.add(rows)
    stream.flush()
    assert gzip.decompress(stream.take() + ending(stream.crc, stream.size)) == rows.joined()


def test_a_block_of_markets_takes_little_more_than_its_random_bits() -> None:
    chance, markets = Random(1), []
    for start in range(1_800_000_000, 1_800_030_000, 300):
        market = f'"market_slug":"btc-updown-5m-{start}","condition_id":"0x{chance.getrandbits(256):064x}"'
        tokens = [(chance.getrandbits(256), outcome) for outcome in ("Up", "Down")]
        markets += [f'{{{market},"token_id":"{number}","outcome":"{outcome}"}}' for number, outcome in tokens]
    random_bytes = 32 * len(markets) * 3 // 2
    assert len(constant_block(",".join(markets).encode()).data) < 1.3 * random_bytes


def test_many_connections_in_turn_compress_their_constants_once_each() -> None:
    most = 2 * next(
        each.le for each in get_type_hints(WebsocketSettings, include_extras=True)["readers"].__metadata__
    )
    assert most <= BLOCKS_KEPT
    constants = [b'{"connection":%d' % number for number in range(most)]
    blocks = [constant_block(constant) for constant in constants]
    assert all(constant_block(each) is block for each, block in zip(constants, blocks, strict=True))


def test_a_long_constant_is_compressed_once_and_costs_its_block_for_each_row() -> None:
    block = constant_block(LONG)
    assert zlib.decompressobj(-15).decompress(block.data) == LONG
    assert block is constant_block(LONG)
    stream = MemberStream(1)
    stream.add(Rows(LONG, [b'"x"}\n'] * 100))
    stream.end()
    assert 100 * len(block.data) < len(stream.take()) < 100 * (len(block.data) + 150)


@pytest.mark.parametrize("constant", CONSTANTS)
def test_plain_gzip_accepts_it(constant: bytes, tmp_path: Path) -> None:
    stream = MemberStream(1)
    rows = Rows(constant, [b'"%d"}\n' % n for n in range(200)])
    stream.add(rows)
    stream.end()
    path = tmp_path / "rows.gz"
    path.write_bytes(stream.take())
    subprocess.run(["gzip", "-t", path], check=True)
    assert gzip.decompress(path.read_bytes()) == rows.joined()


def test_members_end_by_size_also_where_rows_are_spliced() -> None:
    stream = MemberStream(1)
    stream.add(Rows(LONG, [b'"x"}\n'] * (MEMBER_BYTES // len(LONG) + 1)))
    assert (stream.size, stream.crc) == (0, 0)
