"""Books from a recording, in small: every way through it ends in the same books."""

import time
from pathlib import Path

from common.benchmark.books import books_report, compare_books, plain, record, speed_rows
from common.benchmark.frames import make_load
from tests.benchmark.test_figures import tokens_of


def test_every_way_through_a_recording_is_measured_and_ends_in_the_same_books(tmp_path: Path) -> None:
    now_s = int(time.time())
    tokens = tokens_of(now_s)
    load = make_load(tokens, now_s * 1000, count=500, protocols="v1")
    speeds = compare_books(tmp_path, tokens, load)
    assert [each.way for each in speeds] == ["plain", "replay", "checks", "export"]
    assert all(each.events > 500 and each.rate > 0 for each in speeds)
    rows = speed_rows([*speeds, *speeds])
    assert rows[0][:1] == ("plain",)
    assert rows[0][2] == "1.0"
    assert len(rows) == 4
    assert any("| replay |" in line for line in books_report(speeds))


def test_a_recording_holds_the_load_once(tmp_path: Path) -> None:
    now_s = int(time.time())
    tokens = tokens_of(now_s)
    record(tmp_path, tokens, make_load(tokens, now_s * 1000, count=50, protocols="v1"))
    best = plain(tmp_path)
    assert set(best) == {token.token_id for token in tokens}
    assert all(bid is not None and ask is not None and bid < ask for bid, ask in best.values())
