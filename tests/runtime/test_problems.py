import logging

import pytest

from common.core.problems import Problem
from common.runtime.clock import Clock
from common.runtime.problems import Problems


def stopped_clock(now_ns: list[int]) -> Clock:
    """A wall clock that shows the last of these instants."""
    return Clock(wall_ns=lambda: now_ns[-1])


def test_a_problem_lasts_from_its_first_statement_until_it_is_not_stated_any_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    now_ns = [0]
    problems = Problems(stopped_clock(now_ns))
    problems.state("rest_failing", {"": "503 twice"})
    now_ns.append(5_000_000_000)
    problems.state("rest_failing", {"": "503 three times"})
    since = "1970-01-01T00:00:00.000000Z"
    assert list(problems.held) == [Problem("rest_failing", "503 three times", since)]
    problems.state("rest_failing", {})
    assert not list(problems.held)
    assert [record.message for record in caplog.records] == ["problem", "problem ended"]


def test_problems_of_one_kind_are_told_apart_by_their_subjects_and_others_stay() -> None:
    problems = Problems(stopped_clock([0]))
    problems.state("window_not_recorded", {"a": "a is not recorded", "b": "b is not recorded"})
    problems.state("clock_off", {"": "70 s"})
    problems.state("window_not_recorded", {"b": "b is not recorded"})
    assert [(each.kind, each.subject) for each in problems.held] == [
        ("window_not_recorded", "b"),
        ("clock_off", ""),
    ]
    assert (problems.take_begun(), problems.take_begun()) == (3, 0)
