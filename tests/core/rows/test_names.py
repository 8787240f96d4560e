"""Names of archives: pure, unique, and never outside their folder."""

from hypothesis import given
from hypothesis import strategies as st

from common.core.rows.names import Layout, lane_of_open, numbered_part, open_path, path_word, sidecar_path

RUNTIME = Layout("runtime")
NOON_NS = 1_795_435_200_000_000_000  # 2026-11-23T12:00:00Z
FOLDER = "raw_orderbooks/polymarket/ws_raw/dt=2026-11-23/hour=12"
PATH = f"{FOLDER}/polymarket_ws_raw_20261123T121500Z_p-1_l3_s000000000042.jsonl.gz"


def test_a_path_tells_stream_hour_producer_lane_and_first_sequence() -> None:
    layout = Layout("runtime", rotation_interval_seconds=900)
    window = layout.window_start_ns(NOON_NS + 1234 * 1_000_000_000)
    assert layout.path("ws_raw", "p-1", lane=3, first_sequence=42, window_start_ns=window) == PATH


def test_a_window_begins_at_a_multiple_of_the_interval_and_holds_its_start() -> None:
    layout = Layout("runtime", rotation_interval_seconds=900)
    assert layout.window_start_ns(NOON_NS) == NOON_NS
    assert layout.window_start_ns(NOON_NS - 1) == NOON_NS - 900 * 1_000_000_000
    assert Layout("sample", run_id="r").window_start_ns(NOON_NS) == 0


def test_a_samples_path_names_its_run_alone() -> None:
    path = Layout("sample", run_id="r1").path(
        "rest_checkpoints", "", lane=0, first_sequence=9, window_start_ns=0
    )
    assert path == "ws_sample/polymarket/rest_checkpoints/r1/polymarket_rest_checkpoints_r1.jsonl.gz"


def test_the_names_around_an_archive_stand_in_its_folder() -> None:
    assert open_path("a/b.jsonl.gz") == "a/.b.jsonl.gz.open"
    assert sidecar_path("a/b.jsonl.gz") == "a/b.jsonl.gz.manifest.json"
    assert numbered_part("a/b.jsonl.gz", 2) == "a/b_part-2.jsonl.gz"


def test_an_open_name_tells_its_lane_whatever_the_producers_name() -> None:
    for producer in ("p", "p_l7_s000000000001", "x_part-2"):
        path = RUNTIME.path("ws_raw", producer, lane=12, first_sequence=1, window_start_ns=NOON_NS)
        assert lane_of_open(open_path(path).rpartition("/")[2]) == 12
        assert lane_of_open(open_path(numbered_part(path, 3)).rpartition("/")[2]) == 12
    assert lane_of_open(".polymarket_ws_raw_run.jsonl.gz.open") is None


@given(st.text())
def test_any_name_becomes_a_plain_word(name: str) -> None:
    word = path_word(name)
    assert word.isascii()
    assert 1 <= len(word) <= 80
    assert not set(word) & set("/.\0\n ")
