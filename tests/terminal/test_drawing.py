"""What rich makes of styled text: never wider than asked, without colours where none are wanted, never markup."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from common.core.market import Token
from common.core.terminal.text import Bar, Line, cell
from common.core.views.book_view import BookView
from common.terminal.book_screen import book_lines
from common.terminal.drawing import columns_of, drawn, grid, plain_lines, printed, terminal, text_of
from common.terminal.tables import table


@given(st.text(), st.integers(1, 40))
def test_a_line_takes_no_more_cells_than_there_are(text: str, width: int) -> None:
    line: Line = [(text, "bad"), (text, "")]
    for shown in (text_of(line), columns_of([(line, 10), (line, 0)], width), grid([(line, line), (line,)])):
        assert all(cell_len(each) <= width for each in plain_lines(drawn(shown, width)))


def test_a_name_that_looks_like_markup_or_moves_the_cursor_is_shown_as_it_is() -> None:
    assert plain_lines(drawn(text_of(cell("[bold]a[/] :smile: \x1b[2Jb")), 60)) == [
        "[bold]a[/] :smile: ?[2Jb"
    ]
    assert list(table(("name",), [("[red]\x1b[2J",)])) == ["name", "[red]?[2J"]


def test_what_has_no_room_ends_in_an_ellipsis_and_the_first_column_gives_way() -> None:
    assert plain_lines(drawn(grid([(cell("a-long-name"), cell("12:30"))]), 12)) == ["a-lon… 12:30"]
    assert plain_lines(drawn(text_of(cell("日本語")), 4)) == ["日 …"]


def test_a_table_keeps_what_is_wider_than_a_terminal_and_sets_figures_to_the_right() -> None:
    long = "x" * 300
    assert list(table(("name", "rows"), [(long, "5"), ("b", "1,200")])) == [
        f"{'name':300}   rows",
        f"{long}      5",
        f"{'b':300}  1,200",
    ]


@pytest.mark.parametrize(("part", "shown"), [(0, ""), (0.5, "██"), (0.6, "██▍"), (1, "████"), (7, "████")])
def test_a_bar_fills_from_empty_to_full(part: float, shown: str) -> None:
    assert plain_lines(drawn(grid([(Bar(0, part, "good", 4),)]), 10)) == [shown]


def test_colours_are_left_out_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    line = text_of(cell("a", "good"))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert printed(terminal(), line) == "\x1b[32ma\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert printed(terminal(), line) == "a\n"
    assert printed(Console(file=io.StringIO()), line) == "a\n"


def test_the_size_of_a_terminal_is_its_own_and_not_what_a_shell_exported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "7")
    assert terminal().width != 7


@given(slug=st.text(max_size=90), event=st.text(), width=st.integers(1, 130), height=st.integers(1, 40))
def test_no_size_and_no_hostile_name_breaks_the_book(slug: str, event: str, width: int, height: int) -> None:
    view = BookView(
        token=Token(slug, "0x1", "11", slug, ""),
        number=1,
        received_at_ns=0,
        event=event,
        verdict="agree",
        exchange="live",
        book=True,
        bids=(("0.5", "100"),),
        asks=(("0.6", "7.25"), ("0.7", "3")),
        bid_levels=1,
        ask_levels=2,
    )
    lines = plain_lines(book_lines(view, width, height, hint="q quits"))
    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)
    assert all(char.isprintable() for line in lines for char in line)
