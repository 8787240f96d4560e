"""Reading archives back: lines as they were written, and a named place where a file is torn."""

import gzip
from pathlib import Path

import pytest

from common.archive.read import iterate_lines
from common.errors import ArchiveError


def test_lines_cross_members_and_keep_odd_line_separators(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    lines = ['{"a":"\u2028\x85\r"}\n'.encode(), b"\n", b"x" * 300_000 + b"\n", b"{}\n"]
    whole = b"".join(lines)
    path.write_bytes(gzip.compress(whole[:100]) + gzip.compress(b"") + gzip.compress(whole[100:]))
    assert list(iterate_lines(path)) == lines


@pytest.mark.parametrize("cut", [3, 12, 40, 52])
def test_a_torn_file_names_the_place(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a":1,"b":"some text that compresses badly: q8w7e6r5"}\n')[:cut])
    with pytest.raises(ArchiveError, match=rf"a\.jsonl\.gz: torn at byte {cut}"):
        list(iterate_lines(path))


@pytest.mark.parametrize("tail", [b"\0" * 600, b"no gzip at all, but some text"])
def test_a_foreign_tail_is_refused_after_the_whole_lines(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a":1}\n') + tail)
    lines = iterate_lines(path)
    assert next(lines) == b'{"a":1}\n'
    with pytest.raises(ArchiveError, match="torn or altered at or behind byte 28"):
        next(lines)


def test_an_altered_byte_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    content = bytearray(gzip.compress(b'{"a":1}\n' * 100, compresslevel=0))
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="torn or altered"):
        list(iterate_lines(path))


def test_a_last_line_without_its_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a":1}\n{"b"'))
    with pytest.raises(ArchiveError, match="last line is cut"):
        list(iterate_lines(path))


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"gone\.jsonl\.gz: cannot be read \(No such file"):
        list(iterate_lines(tmp_path / "gone.jsonl.gz"))
