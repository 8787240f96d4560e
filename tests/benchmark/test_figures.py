import json
from xml.etree import ElementTree as ET

import pytest

from common.benchmark.frames import Load, frame, make_load
from common.benchmark.measured import Latency, Measured, Setup, by_setup, spread
from common.benchmark.plot import benchmark_picture
from common.benchmark.report import report, short_table
from common.benchmark.search import Held, Pace, find_sustained
from common.core.audit.heard import Heard
from common.core.audit.live import Audit
from common.core.market import Token
from common.errors import RecorderError
from common.simulation.markets.windows import SERIES, make_window
from tests.simulation.client import recipe

PACE = Pace(step_s=1.0, hold_s=3.0, holds=6)


@pytest.mark.parametrize("capacity", [900, 7_000, 55_000, 240_000])
def test_the_search_finds_what_a_pipeline_can_do(capacity: float) -> None:
    offered: list[Held] = []

    def offer(rate: float, seconds: float) -> Held:
        messages = int(rate * seconds)
        backlog_s = max(0.0, messages / capacity - seconds)
        offered.append(Held(rate, seconds, messages, 0, backlog_s + 0.5))
        return offered[-1]

    best = find_sustained(offer, 1000.0, PACE)
    assert best is not None
    assert 0.85 * capacity <= best.rate <= 1.3 * capacity
    assert best.sustained
    assert len(offered) < 25


def test_a_socket_that_holds_the_load_back_is_not_sustained_either() -> None:
    assert Held(1000, 1, 1000, 50, 1.0).sustained
    assert not Held(1000, 1, 800, 200, 1.0).sustained


def test_nothing_is_found_where_nothing_is_sustained() -> None:
    assert find_sustained(lambda rate, seconds: Held(rate, seconds, 1, 0, 60.0), 1000.0, PACE) is None


def run(way: str, cpu_us: float, *, wrongs: tuple[str, ...] = (), tokens: int = 4) -> Measured:
    writers = int(way == "recorder")
    setup = Setup(tokens, way, writers)  # type: ignore[arg-type]
    latencies = (Latency(2000.0, 10, 500.0, 1000.0, 1100.0),) if writers else ()
    parts = {"ws_reader": cpu_us / 2, "archive_writer": cpu_us / 2} if writers else {way: cpu_us}
    return Measured(setup, 1000, 1e6 / cpu_us, cpu_us, parts, 350.0, 50.0, latencies, wrongs)


def test_a_run_that_lost_something_counts_in_no_figure_and_is_told() -> None:
    runs = [
        run("recorder", 10),
        run("recorder", 30),
        run("recorder", 1, wrongs=("2 are missing",)),
        run("naive", 400),
    ]
    grouped = by_setup(runs)
    recorder = grouped[Setup(4, "recorder", 1)]
    figure = spread(recorder, lambda each: each.cpu_us)
    assert figure is not None
    assert (figure.median, figure.lowest, figure.highest) == (20, 10, 30)
    text = "\n".join(report("a machine", runs, plot="p.svg"))
    assert "| recorder, 1 writer | 2 of 3 |" in text
    assert "| 0.05 |" in text, "of naive"
    assert "- 4 tokens, recorder, 1 writer: 2 are missing" in text
    assert "ws_reader 10.0" in text
    header, rows = short_table(runs)
    assert all(len(row) == len(header) for row in rows)


def drawn(runs: list[Measured], tag: str) -> list[ET.Element]:
    return [each for each in ET.fromstring(benchmark_picture(runs)).iter() if each.tag.endswith(tag)]


def test_the_picture_has_bars_at_the_fewest_tokens_and_a_line_for_each_contestant_over_more() -> None:
    few = [run(way, cpu) for way, cpu in (("naive", 400), ("recorder", 10))]
    bars = [float(each.attrib["width"]) for each in drawn(few, "rect")[1:]]
    assert len(bars) == 4  # CPU time of both, then their rates
    assert bars[0] / bars[1] == pytest.approx(40, abs=1)
    assert bars[3] / bars[2] == pytest.approx(40, abs=1)
    assert drawn(few, "polyline") == []
    more = [run(way, cpu, tokens=500) for way, cpu in (("naive", 4000), ("recorder", 40))]
    assert len(drawn([*few, *more], "polyline")) == 4
    assert len(drawn([run("naive", 400, wrongs=("lost",))], "rect")) == 1


def test_what_more_tokens_cost_stands_as_multiples_of_the_fewest() -> None:
    text = "\n".join(report("m", [run("recorder", 10), run("recorder", 25, tokens=200)], plot="p.svg"))
    assert "| recorder, 1 writer | 200 | 2.5 | 1.0 |" in text
    assert "as multiples" not in "\n".join(report("m", [run("recorder", 10)], plot="p.svg"))


def tokens_of(now_s: int) -> list[Token]:
    window = make_window(1, SERIES[0], now_s // 300 * 300, 300)
    return [
        Token(window.slug, window.condition_id, each, "Up", "2030-01-01T00:00:00Z")
        for each in window.token_ids
    ]


def test_the_load_is_about_the_tokens_asked_for_and_goes_round() -> None:
    now_s = 1_800_000_000
    tokens = tokens_of(now_s)
    load = make_load(tokens, now_s * 1000, count=300)
    kinds = {kind for kind in (b'"price_change"', b'"book"') for each in load.circle if kind in each}
    assert len(kinds) == 2
    assert all(token.token_id.encode() in load.opening for token in tokens)
    assert all(tokens[0].condition_id.encode() in each for each in load.circle)
    assert load.payload(1) == load.opening
    opened, closing = json.loads(load.opening), json.loads(load.circle[-1])
    assert [book["asset_id"] for book in closing] == [book["asset_id"] for book in opened]
    assert load.payload(2) == load.payload(2 + len(load.circle)) == load.circle[0]


def test_a_load_of_both_protocols_is_hashed_as_the_exchange_does() -> None:
    now_s = 1_800_000_000
    windows = [make_window(1, series, now_s // 900 * 900, 300) for series in SERIES]
    tokens = [
        Token(one.slug, one.condition_id, token_id, "Up", "2030-01-01T00:00:00Z", one.protocol)
        for one in windows
        for token_id in one.token_ids
    ]
    load = make_load(tokens, now_s * 1000, count=300)
    books = [book for each in (load.opening, load.circle[-1]) for book in json.loads(each)]
    assert len(books) == 2 * len(tokens)
    for token, book in zip(tokens * 2, books, strict=True):
        assert book.get("version", "v1") == token.protocol
        assert recipe({**book, "min_order_size": "5", "neg_risk": False}) == book["hash"]
    assert {token.protocol for token in tokens} == {"v1", "v2"}


def test_whoever_begins_to_follow_where_the_circle_closes_finds_nothing_wrong() -> None:
    now_s = 1_800_000_000
    load = make_load(tokens_of(now_s), now_s * 1000, count=1500)
    heard, last = 0, len(load.circle) + 1
    for begin in (*range(last - 200, last - 10, 10), *range(last - 9, last + 1)):
        audit = Audit(silence_ns=10**9)
        for number in range(begin, len(load.circle) + 300):
            audit.message(Heard("r", "s", number, now_s * 10**9), number, load.payload(number))
            assert not audit.judge(now_s * 10**9, number)
        heard += audit.books
    assert heard == 29 * len(tokens_of(now_s))


def test_there_is_no_load_about_markets_that_are_over() -> None:
    tokens = tokens_of(1_800_000_000)
    with pytest.raises(RecorderError, match="over"):
        make_load(tokens, (1_800_000_000 + 3600) * 1000, count=10)


@pytest.mark.parametrize(("size", "head"), [(5, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_frames_have_the_length_that_the_protocol_wants(size: int, head: int) -> None:
    made = frame(b"x" * size)
    assert made[0] == 0x81
    assert len(made) == head + size


def test_a_load_knows_its_nth_message() -> None:
    load = Load(b"open", (b"a", b"b"))
    assert [load.payload(number) for number in range(1, 6)] == [b"open", b"a", b"b", b"a", b"b"]
