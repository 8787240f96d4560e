"""The exchange's hash of a book by every known recipe."""

import json
from typing import Any

import pytest

from common.core.books.book import Book
from common.core.books.connection import Books
from common.core.books.hash import ANY_PRICE, USUAL_TERMS, HashTerms, Matched, matched
from common.core.events.market_events import BookSnapshot
from common.core.events.reader import read_events
from common.core.events.rest_answer import read_checkpoint
from common.core.recipes.proof import HashProof
from common.core.recipes.recipe import KNOWN_RECIPES, in_order
from tests.core.hash_world import World, hash_of

PUBLIC_V2_BOOK = {
    "market": "0x017791f201d5a788e0039e511fc1900e5f000000000000000000000000000000",
    "asset_id": "663574927012476832975694178961957910328055987427402067619466963999000625152",
    "timestamp": "1791238858575",
    "hash": "fc3846cab0c35a0977b6e5f605a4e5ff0d0b2277",
    "bids": [],
    "asks": [],
    "min_order_size": "5",
    "tick_size": "0.01",
    "neg_risk": False,
    "last_trade_price": "",
    "version": "v2",
}


def snapshot_of(told: dict[str, Any]) -> BookSnapshot:
    [event] = read_events(json.dumps({**told, "event_type": "book"}).encode())
    assert isinstance(event, BookSnapshot)
    return event


def recipe_of(book: Book, terms: HashTerms = USUAL_TERMS, price: str = "0.430") -> str:
    version = book.extra.get("version")
    found = matched(book, terms, in_order(KNOWN_RECIPES, version), (price, *ANY_PRICE[:2]))
    return found.form.recipe.name if found is not None else ""


def test_the_public_v2_book_gives_the_exchanges_hash_over_rest_and_over_the_websocket() -> None:
    [shown] = read_checkpoint(json.dumps([PUBLIC_V2_BOOK]).encode())
    proof = HashProof()
    assert proof.checkpoint(shown.book(), shown.terms, shown.last_trade_price) == "proved"
    assert (shown.version, list(proof.recipes.report())) == ('"v2"', ["v2"])
    only_rest = {"min_order_size", "neg_risk"}
    told = {key: value for key, value in PUBLIC_V2_BOOK.items() if key not in only_rest}
    book = Book(snapshot_of(told))
    found = matched(book, USUAL_TERMS, KNOWN_RECIPES, ("",))
    assert found is not None
    assert (found.form.recipe.name, found.version) == ("2026-10", '"v2"')
    del told["version"]
    book = Book(snapshot_of(told))
    untold = matched(book, USUAL_TERMS, KNOWN_RECIPES, ("",))
    assert untold is not None
    assert untold.version == '"v2"', "a book that does not name its version is tried with each"


@pytest.mark.parametrize(
    ("hashed", "told", "name"),
    [
        (("last_trade_price", "version"), {"version": "v2"}, "2026-10"),
        (("last_trade_price",), {}, "2025-10"),
        (("last_trade_price", "version"), {"version": "v1"}, "2026-10"),
        (("last_trade_price",), {"version": "v1"}, "2025-10"),
        ((), {}, "before 2025-10"),
    ],
)
def test_a_books_own_word_enters_the_hash_or_not(
    hashed: tuple[str, ...], told: dict[str, str], name: str
) -> None:
    world = World(told=told, hashed_end=hashed)
    assert recipe_of(Book(snapshot_of(world.snapshot()))) == name


@pytest.mark.parametrize("tick_size", ["0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"])
def test_a_tick_size_that_nobody_told_is_found(tick_size: str) -> None:
    world = World(tick_size=tick_size)
    told = world.snapshot()
    del told["tick_size"]
    found = matched(Book(snapshot_of(told)), USUAL_TERMS, KNOWN_RECIPES, ("0.430",))
    assert isinstance(found, Matched)
    assert found.tick_size == tick_size


def test_a_market_id_of_31_bytes_is_hashed_as_it_is_told_or_padded() -> None:
    short = "0x" + "Ab" * 31
    for hashed_market in (short, short.lower() + "00"):
        told = World(market=short).snapshot()
        whole = World(market=hashed_market)
        assert recipe_of(Book(snapshot_of({**told, "hash": hash_of(whole.text())}))) == "2025-10"


def test_a_market_is_one_whatever_width_its_id_is_told_with() -> None:
    short, books = "0x" + "ab" * 31, Books()
    for market, trade in ((short, None), (short + "00", "0.5")):
        world = World(market=market)
        books.take(json.dumps({**world.snapshot(), "event_type": "book"}).encode())
        if trade is not None:
            books.note_trade(market, trade)
    assert books.trade_prices(short) == books.trade_prices(short.upper().replace("X", "x") + "00")
    assert books.trade_prices(short)[0] == "0.500"
    [book] = books.by_token.values()
    assert book.market == short + "00"


def test_unknown_keys_are_kept_verbatim_and_spoil_nothing() -> None:
    told = {**World().snapshot(), "nonce": 7, "tags": ["a", "b"], "version": 2}
    snapshot = snapshot_of(told)
    assert snapshot.version is None
    assert set(snapshot.extra) == {("nonce", "7"), ("tags", '["a","b"]'), ("version", "2")}
    huge = snapshot_of({**told, "text": "x" * 10_000, "y" * 1000: 1} | {f"key {n}": n for n in range(50)})
    assert len(huge.extra) <= 8
    assert all(len(value) <= 256 for _, value in huge.extra)


def test_version_in_places_where_it_never_was_changes_nothing() -> None:
    world = World(told={"version": "v2"}, hashed_end=("last_trade_price", "version"))
    for event in (world.snapshot(), world.change("0.41", "3")):
        plain = read_events(json.dumps({"event_type": "book", **event}).encode())
        entries = [{**each, "version": "v2"} for each in event.get("price_changes", [])]
        more = {**event, "version": "v2"} | ({"price_changes": entries} if entries else {})
        assert read_events(json.dumps({"event_type": "book", **more}).encode()) == plain
