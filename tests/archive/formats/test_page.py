"""The page of formats names what there is."""

from pathlib import Path

import pytest

from common.archive.formats.run import NAMES, default_gaps
from tests.end_to_end.running import ROOT
from tests.markdown_page import blocks, section_of, tables, ticked

PAGE = ROOT / "common/archive/formats/README.md"


def test_the_page_lists_the_formats_with_what_they_do_at_gaps() -> None:
    rows = tables(section_of(PAGE, "Formats of other projects"))[0]
    listed = {ticked(row[0])[0]: ticked(row[-1])[0] for row in rows}
    assert listed == {name: default_gaps(name) for name in NAMES}


def test_the_example_works_as_it_stands(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    [example] = blocks(section_of(PAGE, "In Python"), "python")
    exec(compile(example, str(PAGE), "exec"), {})
    shown = capsys.readouterr().out
    assert "rows of ['received_at'," in shown
    assert shown.count("-updown-5m-") >= 2
