from pathlib import Path

from common.benchmark.page import PageCost, measure_page, page_report


def test_a_recorder_is_measured_with_nobody_looking_and_with_tabs_open(tmp_path: Path) -> None:
    cost = measure_page(tmp_path, seconds=2, tabs=2)
    assert {"manifest", "book_auditor", "ws_reader", "supervisor"} <= cost.looked_at.keys()
    assert min(sum(cost.looked_at.values()), sum(cost.alone.values())) > 0


def test_the_report_has_a_line_for_each_process_and_the_ratio() -> None:
    cost = PageCost(10, 20.0, {"manifest": 0.02, "ws_reader": 0.08}, {"manifest": 0.07, "ws_reader": 0.08})
    lines = list(page_report(cost))
    assert "| manifest | 2.0 | 7.0 |" in lines
    assert "| all | 10.0 | 15.0 |" in lines
    assert lines[-1] == "With 10 tabs open the recorder takes 1.50 times the processor time."
