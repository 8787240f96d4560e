"""The page of formats names what there is."""

from common.archive.formats.run import NAMES, default_gaps
from tests.end_to_end.running import ROOT
from tests.markdown_page import section_of, tables, ticked

PAGE = ROOT / "common/archive/formats/README.md"


def test_the_page_lists_the_formats_with_what_they_do_at_gaps() -> None:
    rows = tables(section_of(PAGE, "Formats of other projects"))[0]
    listed = {ticked(row[0])[0]: ticked(row[-1])[0] for row in rows}
    assert listed == {name: default_gaps(name) for name in NAMES}
