from common.core.clock_step import on_new_clock, step_ns
from common.core.discovery.due_windows import DueWindows
from common.core.feed.known_good import KnownGood
from common.core.feed.left_tokens import Left, LeftTokens
from tests.archive.recordings import UP

S = 1_000_000_000
YEARS = 10 * 365 * 86_400 * S
NOW = 60 * YEARS


def test_only_what_no_other_clock_saw_is_a_step() -> None:
    assert step_ns(3600 * S, 3600 * S + 1) == 0, "an hour passed, asleep or not"
    assert step_ns(3600 * S + 5 * S, 3600 * S) == 0, "a time service slews that"
    assert step_ns(YEARS, S) == YEARS - S
    assert step_ns(-YEARS, S) == -YEARS - S


def test_what_was_noted_before_a_step_is_told_on_the_new_clock_and_what_came_after_stays() -> None:
    for step in (YEARS, -YEARS):
        before, after = NOW - step - 5 * S, NOW - S
        assert on_new_clock(before, step, NOW) == NOW - 5 * S
        assert on_new_clock(after, step, NOW) == after


def test_stretches_that_have_begun_keep_their_length() -> None:
    began = NOW - YEARS - 5 * S
    left = LeftTokens()
    left.leave([Left(UP, began)])
    left.clock_set(YEARS, NOW)
    assert left.earliest_ns == NOW - 5 * S
    windows = DueWindows()
    windows.state({"a-window": (began, "nobody lists it")}, began, not_before_ns=0)
    windows.clock_set(YEARS, NOW)
    [gap] = windows.cut(NOW)
    assert (gap.from_ns, gap.to_ns) == (NOW - 5 * S, NOW)
    good = KnownGood(began)
    good.paused()
    good.clock_set(YEARS, NOW)
    assert good.until_ns == NOW - 5 * S
