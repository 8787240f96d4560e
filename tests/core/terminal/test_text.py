import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.terminal.text import (
    clean,
    plain,
    rough_span_text,
    size_text,
    span_text,
    sparkline,
)


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    shown = clean(text)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(char)[0] in "CM" for char in shown)


def test_an_escape_sequence_in_a_name_stays_a_harmless_name() -> None:
    assert clean("a\x1b[2Jb\u202ec\nd\u0301") == "a?[2Jb?c?d?"


def test_the_text_of_a_line_is_that_of_its_parts() -> None:
    assert plain([("a", "good"), ("  ", "bad"), ("b", "")]) == "a  b"


def test_a_sparkline_reaches_its_top_at_the_highest_and_is_blank_where_nothing_is_known() -> None:
    assert sparkline([None, 0, 1, 4, 8]) == " ▁▂▅█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1434, "1.4 KiB"), (2**20 * 150, "150 MiB"), (2**50, "1024 TiB")],
)
def test_bytes_come_in_the_unit_that_reads_best(count: int, shown: str) -> None:
    assert size_text(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-3, "0:00"), (7.9, "0:07"), (751, "12:31"), (10_931, "3:02:11"), (4 * 86_400 + 10_980, "4 d 03:03")],
)
def test_a_span_of_time_is_as_long_as_it_must_be(seconds: float, shown: str) -> None:
    assert span_text(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "under a minute"),
        (59.9, "under a minute"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (5 * 3600 + 12 * 60 + 59, "5 h 12 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d 0 h"),
        (3 * 86_400 + 4 * 3600 + 3599, "3 d 4 h"),
        (366 * 86_400 - 1, "365 d 23 h"),
        (366 * 86_400, "over a year"),
        (1e15, "over a year"),
    ],
)
def test_an_estimate_of_time_has_two_units_at_most(seconds: float, shown: str) -> None:
    assert rough_span_text(seconds) == shown
