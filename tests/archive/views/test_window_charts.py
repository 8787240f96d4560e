import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from common.archive.views.book_views import Recording
from common.archive.views.window_charts import window_charts
from common.core.instants import utc_text
from common.core.page.windows import AskedWindow, Window, WindowChart, WindowsQuestion, WindowToken
from tests.archive.legs import HOURS, Hearing, a_world, record
from tests.archive.markets import MS, World
from tests.archive.recordings import Recorder

POINTS = 25
LATE_MS = 20


def resolved_world() -> World:
    """Two markets, of which the first one is resolved at the end."""
    return resolved(a_world())


def resolved(of: World) -> World:
    """The same with the message that says so, a second later."""
    one, other = of.tokens[:2]
    event = {
        "event_type": "market_resolved",
        "market": one.condition_id,
        "assets_ids": [one.token_id, other.token_id],
        "winning_asset_id": other.token_id,
        "winning_outcome": other.outcome,
        "timestamp": str(of.messages[-1][0]),
    }
    of.messages.append((of.messages[-1][0] + 900, json.dumps(event).encode()))
    return of


def question_of(of: World) -> WindowsQuestion:
    """Both markets, from shortly after the first message to shortly before the last but one."""
    windows = tuple(
        Window(pair[0].market_slug, tuple(WindowToken(each.token_id, each.outcome) for each in pair), 0, 1)
        for pair in (of.tokens[:2], of.tokens[2:4])
    )
    from_ns, to_ns = (of.messages[0][0] + 60) * MS, (of.messages[-2][0] + 25) * MS
    return WindowsQuestion(tuple(AskedWindow(each, from_ns, to_ns) for each in windows), POINTS)


def instants_of(of: World) -> list[int]:
    return question_of(of).asked[0].instants_ns(POINTS)


def drawn(root: Path, of: World) -> tuple[WindowChart, WindowChart]:
    first, second = window_charts(Recording((root,)), question_of(of))
    return first, second


def true_mid(of: World, token_id: str, at_ns: int) -> float | None:
    """By the plainest of rules: after the last message that was received by then."""
    heard = [number for number, (ms, _) in enumerate(of.messages[:-1]) if (ms + LATE_MS) * MS <= at_ns]
    levels = of.truths[heard[-1]][token_id]
    bids = [price for side, price in levels if side == "BUY"]
    asks = [price for side, price in levels if side == "SELL"]
    return round((max(bids) + min(asks)) / 2, 6) if bids and asks else None


def in_ns(chart: WindowChart, of: World) -> list[tuple[int, int]]:
    asked = question_of(of)
    return [
        (
            asked.from_ns + round(first * (asked.to_ns - asked.from_ns)),
            asked.from_ns + round(last * (asked.to_ns - asked.from_ns)),
        )
        for first, last in chart.gaps
    ]


def test_a_whole_window_has_the_true_prices_no_gap_and_its_winner(tmp_path: Path) -> None:
    of = resolved_world()
    record(tmp_path, of, Hearing("a"))
    first, second = drawn(tmp_path, of)
    for chart, token in ((first, of.tokens[0]), (second, of.tokens[2])):
        assert chart.gaps == ()
        expected = [true_mid(of, token.token_id, at_ns) for at_ns in instants_of(of)]
        assert list(chart.mids) == pytest.approx(expected)
    assert len(set(first.mids)) > 1
    assert (first.winner, first.final) == (of.tokens[1].outcome, True)
    assert (second.winner, second.final) == (None, False)  # it may come


def one_leg_with_an_outage(root: Path, of: World, cut: int, back: int) -> None:
    record(root, of, Hearing("a", outages=[(cut, back)]))


def two_legs_with_one_outage_in_common(root: Path, of: World, cut: int, back: int) -> None:
    record(root, of, Hearing("a", outages=[(cut - 30, back)]))
    record(root, of, Hearing("b", outages=[(cut, back + 30)], late_ms=LATE_MS))


@pytest.mark.parametrize("recorded", [one_leg_with_an_outage, two_legs_with_one_outage_in_common])
def test_an_outage_is_a_gap_from_the_cut_to_the_next_book(
    tmp_path: Path, recorded: Callable[[Path, World, int, int], None]
) -> None:
    of = resolved_world()
    cut, back = len(of.messages) // 3, len(of.messages) // 2
    recorded(tmp_path, of, cut, back)
    first, second = drawn(tmp_path, of)
    for chart in (first, second):
        [(from_ns, to_ns)] = in_ns(chart, of)
        assert abs(from_ns / MS - (of.messages[cut][0] + LATE_MS)) < 200
        assert abs(to_ns / MS - (of.messages[back][0] + LATE_MS)) < 200
        unknown = [
            mid for mid, at_ns in zip(chart.mids, instants_of(of), strict=True) if from_ns < at_ns < to_ns
        ]
        assert unknown
        assert set(unknown) == {None}


def test_what_one_of_two_legs_missed_is_not_a_gap(tmp_path: Path) -> None:
    of = resolved_world()
    record(tmp_path, of, Hearing("a", outages=[(40, 80)]))
    record(tmp_path, of, Hearing("b", late_ms=35))
    first, second = drawn(tmp_path, of)
    assert (first.gaps, second.gaps) == ((), ())


def test_a_declared_gap_is_shaded_where_the_book_seems_to_be_known(tmp_path: Path) -> None:
    of = resolved_world()
    recorder = Recorder(tmp_path, layout=HOURS)
    recorder.at_ns = (of.messages[0][0] - 5) * MS
    recorder.open(*of.tokens)
    for number, (at_ms, payload) in enumerate(of.messages):
        recorder.at_ns = (at_ms + LATE_MS) * MS + number
        recorder.hear(payload)
        if number == 90:
            from_ns = recorder.at_ns - 2000 * MS
            recorder.gap_of(of.tokens[:2], "stale_feed", from_ns)
            expected = (from_ns // 1000 * 1000, recorder.at_ns // 1000 * 1000)
    recorder.end()
    first, second = drawn(tmp_path, of)
    [gap] = in_ns(first, of)
    assert gap == pytest.approx(expected, abs=2000)
    assert second.gaps == ()


def test_stretches_beside_each_other_are_drawn_together_as_each_by_itself(tmp_path: Path) -> None:
    of = resolved_world()
    record(tmp_path, of, Hearing("a", outages=[(60, 90)]))
    first, second = question_of(of).asked
    middle_ns = (first.from_ns + first.to_ns) // 2
    halves = (
        msgspec.structs.replace(first, to_ns=middle_ns),
        msgspec.structs.replace(second, from_ns=middle_ns),
    )
    together = window_charts(Recording((tmp_path,)), WindowsQuestion(halves, POINTS))
    alone = [
        chart
        for each in halves
        for chart in window_charts(Recording((tmp_path,)), WindowsQuestion((each,), POINTS))
    ]
    pictures = [(chart.mids, chart.gaps, chart.winner) for chart in together]
    assert pictures == [(chart.mids, chart.gaps, chart.winner) for chart in alone]
    assert [bool(chart.gaps) for chart in together] == [True, False]


def test_nothing_is_said_of_what_is_after_the_end_of_the_archives(tmp_path: Path) -> None:
    of = resolved_world()
    middle = len(of.messages) // 2
    record(tmp_path, of, Hearing("a", dies_at=middle))
    first, _ = drawn(tmp_path, of)
    assert (first.gaps, first.winner, first.final) == ((), None, False)
    last_ns = (of.messages[middle - 1][0] + LATE_MS) * MS
    assert (first.recorded_until_utc or "") >= utc_text(last_ns)[:-4]
    for mid, at_ns in zip(first.mids, instants_of(of), strict=True):
        if at_ns > last_ns + 10 * MS:
            assert mid is None
    assert first.mids[0] is not None


def test_a_window_that_nothing_was_recorded_of_is_not_drawn_as_a_gap(tmp_path: Path) -> None:
    of = resolved_world()
    record(tmp_path, of, Hearing("a"))
    asked = question_of(of)
    later = AskedWindow(asked.asked[0].window, asked.to_ns + 10**13, asked.to_ns + 2 * 10**13)
    [chart] = window_charts(Recording((tmp_path,)), WindowsQuestion((later,), POINTS))
    assert (chart.gaps, chart.winner, chart.final) == ((), None, False)
    assert set(chart.mids) == {None}
