from common.core.terminal.rates import Rate, Rates, rates_table
from common.core.terminal.text import plain


def test_rates_count_one_second_and_begin_anew() -> None:
    rates = Rates()
    rates.count(("book",), 10)
    rates.count(("price_change",), 5)
    rates.count(("price_change",), 6)
    rates.count(("book", "price_change"), 1)
    taken = rates.take()
    assert taken == {"price_change": Rate(2, 11), "book": Rate(1, 10), "book+price_change": Rate(1, 1)}
    assert next(iter(taken)) == "price_change", "the most frequent first"
    assert rates.take() == {}


def test_the_table_shows_each_kind_and_the_sum() -> None:
    table = [plain(line) for line in rates_table("2026-11-23T12:00:01.5Z", {"book": Rate(3, 2048)})]
    assert table[0] == "12:00:01 UTC  3 messages/s  2.0 KiB/s"
    assert table[1].split() == ["book", "█" * 20, "3/s", "2.0", "KiB/s"]
    assert [plain(line) for line in rates_table("2026-11-23T12:00:01.5Z", {})] == [
        "12:00:01 UTC  0 messages/s  0 B/s"
    ]
