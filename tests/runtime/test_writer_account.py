from pathlib import Path

import pytest

from common.runtime.run.facts import Facts, write_facts
from common.runtime.writer_account import clock_offset_told


@pytest.mark.parametrize(
    ("details", "offset"),
    [
        ({"clock_offset_s": -3.25}, -3.25),
        ({"clock_offset_s": 0}, 0.0),
        ({"clock_offset_s": None}, None),
        ({}, None),
    ],
)
def test_the_clock_offset_is_what_discovery_measured_last(
    tmp_path: Path, details: dict[str, object], offset: float | None
) -> None:
    (tmp_path / "facts").mkdir()
    assert clock_offset_told(tmp_path) is None
    write_facts(tmp_path, Facts("discovery", 1, 1, 1, {}, {}, details))
    assert clock_offset_told(tmp_path) == offset


def test_facts_that_cannot_be_read_do_not_keep_an_archive_from_closing(tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "discovery.json").write_bytes(b"\0" * 64)
    assert clock_offset_told(tmp_path) is None
