from pathlib import Path

import pytest
from msgspec.structs import replace

from common.runtime.run.facts import write_facts
from common.runtime.writer_account import clock_offset_told
from tests.stated import DISCOVERY, facts


@pytest.mark.parametrize("offset_s", [-3.25, 0.0, None])
def test_the_clock_offset_is_what_discovery_measured_last(tmp_path: Path, offset_s: float | None) -> None:
    (tmp_path / "facts").mkdir()
    assert clock_offset_told(tmp_path) is None
    write_facts(tmp_path, facts("discovery"))
    assert clock_offset_told(tmp_path) is None
    write_facts(tmp_path, facts("discovery", replace(DISCOVERY, clock_offset_s=offset_s)))
    assert clock_offset_told(tmp_path) == offset_s


def test_facts_that_cannot_be_read_do_not_keep_an_archive_from_closing(tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "discovery.json").write_bytes(b"\0" * 64)
    assert clock_offset_told(tmp_path) is None
