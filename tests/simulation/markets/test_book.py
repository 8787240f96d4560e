import hashlib
import json

import pytest

from common.simulation.markets.book import Book, size_text
from tests.simulation.client import recipe


def small_book() -> Book:
    book = Book("0xm", ("11", "22"), 1766481546487)
    book.bids.put(4800, 5500)
    book.bids.put(4900, 12_898)
    book.asks.put(5200, 1000)
    book.asks.put(5000, 250)
    book.last_trade = "0.500"
    return book


def test_the_hash_is_taken_over_the_published_text() -> None:
    text = (
        '{"market":"0xm","asset_id":"11","timestamp":"1766481546487","hash":"",'
        '"bids":[{"price":"0.48","size":"55"},{"price":"0.49","size":"128.98"}],'
        '"asks":[{"price":"0.52","size":"10"},{"price":"0.5","size":"2.5"}],'
        '"min_order_size":"5","tick_size":"0.01","neg_risk":false,"last_trade_price":"0.500"}'
    )
    assert small_book().hash(0) == hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    assert small_book().hash(0) == recipe(json.loads(text))


def test_the_only_public_v2_book_hashes_as_published() -> None:
    """See section 0 of the exchange's facts: an empty book, whose version enters its hash."""
    market = "0x017791f201d5a788e0039e511fc1900e5f000000000000000000000000000000"
    asset = "663574927012476832975694178961957910328055987427402067619466963999000625152"
    book = Book(market, (asset, "1"), 1791238858575, version="v2")
    assert book.hash(0) == "fc3846cab0c35a0977b6e5f605a4e5ff0d0b2277"
    assert list(json.loads(book.body(0, "")))[-1] == "version"
    assert Book(market, (asset, "1"), 1791238858575).hash(0) != book.hash(0)


@pytest.mark.parametrize(
    ("price", "told"), [(5000, "0.500"), (4950, "0.495"), (4925, "0.493"), (25, "0.003"), (10_000, "1.000")]
)
def test_the_last_trade_has_three_decimals_whatever_the_tick(price: int, told: str) -> None:
    book = small_book()
    book.note_trade(price)
    assert book.last_trade == told


def test_the_other_token_sees_the_same_orders_from_the_other_side() -> None:
    book = json.loads(small_book().body(1, ""))
    assert book["bids"] == [{"price": "0.48", "size": "10"}, {"price": "0.5", "size": "2.5"}]
    assert book["asks"] == [{"price": "0.52", "size": "55"}, {"price": "0.51", "size": "128.98"}]
    assert small_book().best(0) == (4900, 5000)
    assert small_book().best(1) == (5000, 5100)


def test_a_size_of_zero_removes_and_an_empty_side_shows_0_and_1() -> None:
    book = small_book()
    for price in (4800, 4900, 4700):
        book.bids.put(price, 0)
    for price in (5000, 5200):
        book.asks.put(price, 0)
    assert book.sides(0) == ("", "")
    assert book.best(0) == (0, 10_000)


@pytest.mark.parametrize(("hundredths", "text"), [(5500, "55"), (12_898, "128.98"), (376_980, "3769.8")])
def test_sizes_are_written_without_trailing_zeros(hundredths: int, text: str) -> None:
    assert size_text(hundredths) == text
