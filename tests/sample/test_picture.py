"""The picture beside a sample's report, from archives on disk."""

from pathlib import Path
from xml.etree import ElementTree as ET

from common.archive.read import closed_archives
from common.core.rows.names import Layout
from common.core.rows.origin import LEGS
from common.core.sample.account import SampleManifest
from common.sample.picture import sample_picture
from common.sample.results import PICTURE_NAME, REPORT_PATH, judge_sample, write_sample_results
from tests.archive.recordings import DOWN, SECOND_NS, UP, Recorder
from tests.sample.samples import RUN_ID, market, sample_run

LINK = f"({PICTURE_NAME})"


def record(root: Path, *legs: str) -> SampleManifest:
    """Some seconds of a market over these legs, with a stretch of silence."""
    for number, leg in enumerate(LEGS):
        if leg in legs:
            producer = f"ws_reader-0{leg}-{RUN_ID}"
            lanes = (2 * number, 2 * number + 1)
            layout = Layout("sample", run_id=RUN_ID)
            recorder = Recorder(root, producer, layout=layout, leg=leg, lanes=lanes)
            recorder.open(UP, DOWN)
            recorder.messages(6)
            recorder.at_ns += 4 * SECOND_NS
            recorder.messages(3)
            recorder.close_session()
            recorder.end()
    return judge_sample(root, sample_run(markets=(market(UP.market_slug),)))


def words_of(picture: str | None) -> list[str | None]:
    assert picture is not None
    return [each.text for each in ET.fromstring(picture).iter() if each.tag.endswith("text")]


def test_it_has_a_line_for_each_leg_and_one_for_each_market(tmp_path: Path) -> None:
    one = words_of(sample_picture(tmp_path / "one", record(tmp_path / "one", "a")))
    both = words_of(sample_picture(tmp_path / "both", record(tmp_path / "both", "a", "b")))
    assert ["leg a" in one, "leg b" in one] == [True, False]
    assert ["leg a" in both, "leg b" in both] == [True, True]
    assert UP.market_slug in both
    assert one[3] == "1"  # messages a second at most, between 0 and half of it


def test_the_report_shows_it_and_a_report_without_one_leaves_none_of_another_run(tmp_path: Path) -> None:
    report = tmp_path / "reports" / REPORT_PATH
    manifest = record(tmp_path / "data", "a")
    write_sample_results(tmp_path / "data", tmp_path / "reports", manifest)
    assert LINK in report.read_text()
    ET.fromstring(report.with_name(PICTURE_NAME).read_bytes())
    archive = closed_archives(tmp_path / "data")[0]
    archive.write_bytes(archive.read_bytes()[:-9])
    write_sample_results(tmp_path / "data", tmp_path / "reports", manifest)
    assert LINK not in report.read_text()
    assert not report.with_name(PICTURE_NAME).exists()


def test_without_any_message_there_is_none(tmp_path: Path) -> None:
    manifest = judge_sample(tmp_path, sample_run())
    assert sample_picture(tmp_path, manifest) is None
