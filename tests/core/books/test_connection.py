"""The rebuilt book gives the exchange's own hash; what it cannot know it does not guess."""

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.core.books.book import Book
from common.core.books.connection import Books
from common.core.books.hash import ANY_PRICE, HashTerms, Matched, matched
from common.core.events.market_events import Unusable
from common.core.events.reader import read_events
from common.core.recipes.recipe import KNOWN_RECIPES

TERMS = HashTerms("5", neg_risk=False, tick_size="0.01")
MARKET, UP = "0xc", "1" * 70


def snapshot(timestamp: int, bids: dict[str, str], asks: dict[str, str]) -> dict[str, Any]:
    sides = {
        "bids": [{"price": price, "size": size} for price, size in sorted(bids.items())],
        "asks": [{"price": price, "size": size} for price, size in sorted(asks.items(), reverse=True)],
    }
    return {
        "market": MARKET,
        "asset_id": UP,
        "timestamp": str(timestamp),
        **sides,
        "event_type": "book",
    }


def hashed(book: dict[str, Any], trade: str) -> str:
    names = ("market", "asset_id", "timestamp")
    text = {name: book[name] for name in names} | {"hash": "", "bids": book["bids"], "asks": book["asks"]}
    text |= {"min_order_size": "5", "tick_size": "0.01", "neg_risk": False, "last_trade_price": trade}
    return hashlib.sha1(json.dumps(text, separators=(",", ":")).encode()).hexdigest()


def change(timestamp: int, price: str, size: str, side: str, book_hash: str) -> bytes:
    entry = {"asset_id": UP, "price": price, "size": size, "side": side, "hash": book_hash}
    body = {"market": MARKET, "price_changes": [entry], "timestamp": str(timestamp)}
    return json.dumps(body | {"event_type": "price_change"}).encode()


def opened(bids: dict[str, str], asks: dict[str, str]) -> Books:
    books = Books()
    books.take(json.dumps([snapshot(1000, bids, asks)]).encode())
    return books


def with_any_price(book: Book) -> Matched | None:
    return matched(book, TERMS, KNOWN_RECIPES, ANY_PRICE)


def test_a_change_leads_to_the_hash_that_the_exchange_gives() -> None:
    books = opened({"0.4": "10", "0.41": "3.5"}, {"0.43": "7"})
    after = hashed(snapshot(1001, {"0.4": "10", "0.42": "8"}, {"0.43": "7"}), "0.413")
    books.take(change(1001, "0.42", "8", "BUY", after))
    books.take(change(1001, "0.41", "0", "BUY", after))
    book = books.get(UP)
    assert book is not None
    found = with_any_price(book)
    assert found is not None
    assert (found.trade_price, found.tick_size) == ("0.413", "0.01")
    assert (book.best_bid, book.best_ask, book.asks) == ("0.42", "0.43", (("0.43", "7"),))


def test_a_change_that_was_missed_shows_in_the_hash() -> None:
    books = opened({"0.4": "10"}, {"0.43": "7"})
    books.take(change(1002, "0.42", "8", "BUY", hashed(snapshot(1002, {"0.4": "1", "0.42": "8"}, {}), "")))
    book = books.get(UP)
    assert book is not None
    assert with_any_price(book) is None


def test_without_a_snapshot_there_is_no_book() -> None:
    books = Books()
    assert [each.token_ids for each in books.take(change(1, "0.4", "5", "BUY", ""))] == [()]
    assert books.get(UP) is None


def test_a_reset_takes_the_book_away_until_its_next_snapshot() -> None:
    books = opened({"0.4": "10"}, {})
    books.reset([UP])
    books.take(change(1001, "0.41", "5", "BUY", ""))
    assert books.get(UP) is None


def test_what_is_no_event_gives_nothing_and_a_bad_event_spoils_no_other() -> None:
    for nothing in (b"PONG", b"[]", b"{", b"\xff", b'{"event_type":"new_market"}', b'{"event_type":"else"}'):
        assert read_events(nothing) == ()
    bad = snapshot(1000, {"-1": "3"}, {})
    events = read_events(json.dumps([bad, snapshot(1000, {"0.4": "3"}, {})]).encode())
    assert [isinstance(event, Unusable) for event in events] == [True, False]


def test_the_old_shapes_are_read_like_the_new_ones() -> None:
    books = opened({"0.4": "10"}, {})
    old = {"asset_id": UP, "changes": [{"price": "0.4", "side": "BUY", "size": "2"}], "hash": "h"}
    body = old | {"event_type": "price_change", "market": MARKET, "timestamp": "1001"}
    books.take(json.dumps(body).encode())
    book = books.get(UP)
    assert book is not None
    assert (book.bids, book.hash, book.timestamp_ms) == ((("0.4", "2"),), "h", 1001)


PRICES = st.integers(1, 999).map(lambda price: f"{price / 1000:.3f}".rstrip("0"))
CHANGES = st.lists(st.tuples(PRICES, st.sampled_from(["0", "1", "2.5"]), st.booleans(), st.booleans()))


@given(CHANGES)
def test_the_book_is_what_a_plain_dictionary_of_levels_would_be(
    changes: list[tuple[str, str, bool, bool]],
) -> None:
    books = opened({}, {})
    plain: dict[str, dict[str, str]] = {"BUY": {}, "SELL": {}}
    for number, (price, size, bid, twice) in enumerate(changes, start=1001):
        side = "BUY" if bid else "SELL"
        for _ in range(1 + twice):
            books.take(change(number, price, size, side, ""))
        plain[side].pop(price, None)
        plain[side] |= {} if size == "0" else {price: size}
    book = books.get(UP)
    assert book is not None
    assert book.bids == tuple(sorted(plain["BUY"].items()))
    assert book.asks == tuple(sorted(plain["SELL"].items(), reverse=True))


@given(st.binary())
def test_no_bytes_at_all_make_it_raise(payload: bytes) -> None:
    Books().take(payload)
