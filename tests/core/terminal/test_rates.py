from common.core.terminal.rates import BAR_CELLS, Rate, Rates, rates_rows
from common.core.terminal.text import Bar, plain


def test_rates_count_one_second_and_start_again() -> None:
    rates = Rates()
    rates.count(("book",), 10)
    rates.count(("price_change",), 5)
    rates.count(("price_change",), 6)
    rates.count(("book", "price_change"), 1)
    taken = rates.take()
    assert taken == {"price_change": Rate(2, 11), "book": Rate(1, 10), "book+price_change": Rate(1, 1)}
    assert next(iter(taken)) == "price_change", "the most frequent first"
    assert rates.take() == {}


def test_the_rows_show_each_kind_with_its_share_and_the_sum() -> None:
    head, [row] = rates_rows("2026-11-23T12:00:01.5Z", {"book": Rate(3, 2048)})
    assert plain(head) == "12:00:01 UTC  3 messages/s  2.0 KiB/s"
    name, share, messages, size = row
    assert share == Bar(0, 1, "chart", BAR_CELLS)
    assert [cell[0][0] for cell in (name, messages, size) if not isinstance(cell, Bar)] == [
        "  book",
        "3/s",
        "2.0 KiB/s",
    ]
    assert plain(rates_rows("2026-11-23T12:00:01.5Z", {})[0]) == "12:00:01 UTC  0 messages/s  0 B/s"
