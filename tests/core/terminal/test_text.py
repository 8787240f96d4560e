import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.terminal.text import (
    bar,
    cells,
    clean,
    clip,
    fit,
    left,
    painted,
    plain,
    right,
    rough_span_text,
    size_text,
    span_text,
    sparkline,
)


def columns(text: str) -> int:
    """An account of its own, one character at a time."""
    return sum(2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1 for char in text)


@given(st.text(), st.integers(0, 40))
def test_whatever_is_shown_takes_exactly_the_cells_it_was_given(text: str, width: int) -> None:
    assert columns(left(text, width)) == columns(right(text, width)) == width
    assert columns(plain(fit([(text, "bad"), (text, "")], width))) <= width
    assert columns("".join(span for span, _ in fit([(text, "")], width, pad=True))) == width


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    shown = clean(text)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(char)[0] in "CM" for char in shown)


def test_an_escape_sequence_in_a_name_stays_a_harmless_name() -> None:
    assert clean("a\x1b[2Jb\u202ec\nd\u0301") == "a?[2Jb?c?d?"


def test_wide_characters_count_twice_and_are_never_cut_in_half() -> None:
    assert cells("日本") == 4
    assert clip("日本語", 4) == "日…"
    assert left("日本語", 4) == "日… "
    assert clip("abc", 0) == ""


def test_colours_stand_around_text_only() -> None:
    line = [("a", "good"), ("  ", "bad"), ("b", "")]
    assert plain(line) == "a  b"
    assert painted(line) == "\x1b[32ma\x1b[0m  b"


def test_a_sparkline_reaches_its_top_at_the_highest_and_is_blank_where_nothing_is_known() -> None:
    assert sparkline([None, 0, 1, 4, 8]) == " ▁▂▅█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


def test_a_bar_fills_from_empty_to_full() -> None:
    assert [bar(part, 4) for part in (-1, 0, 0.5, 0.53, 1, 7)] == [
        "····",
        "····",
        "██··",
        "██▏·",
        "████",
        "████",
    ]


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
