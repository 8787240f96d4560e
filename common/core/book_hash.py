"""The hash that the exchange gives to a book, and the search for the one thing in it that is told too late.

SHA-1 of compact JSON. `min_order_size` and `neg_risk` are told over REST only. The last trade's price is that of the
market, with three decimals, and enters the hash before the trade is announced.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from common.core.book import Book

_THREE_DECIMALS = tuple(f"{price // 1000}.{price % 1000:03d}" for price in range(1001))
_OLD_RECIPE = None  # before 2025-10 the text ended behind neg_risk


class HashTerms(msgspec.Struct, frozen=True):
    """What only REST tells of a market, and its hashes hold.

    `tick_size` counts for books that were told none: opening books had none before 2026.
    """

    min_order_size: str
    neg_risk: bool
    tick_size: str = ""


class MatchedTrade(msgspec.Struct, frozen=True):
    """The last trade's price that gives the exchange's hash; None: a hash by the recipe without one."""

    price: str | None


def book_hash(book: Book, terms: HashTerms, last_trade_price: str | None, *, tick_size: str = "") -> str:
    """The hash of a book as 40 hex digits. `last_trade_price` None is the recipe of before 2025-10.

    `tick_size` is the book's own unless given, and that of `terms` where the book has none.
    """
    digest = _without_trade(book, terms, tick_size)
    digest.update(_end(last_trade_price))
    return digest.hexdigest()


def gives_its_hash(book: Book, terms: HashTerms, trade_prices: Iterable[str]) -> bool:
    """Whether the book gives `book.hash` with one of these last trade's prices."""
    begun = _without_trade(book, terms, "")
    for price in trade_prices:
        digest = begun.copy()
        digest.update(_end(price))
        if digest.hexdigest() == book.hash:
            return True
    return False


def matching_trade_price(
    book: Book, terms: HashTerms, announced: Iterable[str], *, tick_size: str = ""
) -> MatchedTrade | None:
    """The last trade's price with which the book gives `book.hash`; None: there is none, the book is not the same.

    Tried are the `announced` ones first, then none at all, the old recipe, and all prices of three decimals.
    """
    begun = _without_trade(book, terms, tick_size)
    for price in (*announced, "", _OLD_RECIPE, *_THREE_DECIMALS):
        digest = begun.copy()
        digest.update(_end(price))
        if digest.hexdigest() == book.hash:
            return MatchedTrade(price)
    return None


def _without_trade(book: Book, terms: HashTerms, tick_size: str) -> "hashlib._Hash":
    neg_risk = "true" if terms.neg_risk else "false"
    text = (
        f'{_beginning(book.market, book.token_id)}"{book.timestamp_ms}","hash":"","bids":[{book.bid_ladder.json}]'
        f',"asks":[{book.ask_ladder.json}],"min_order_size":{_text(terms.min_order_size)}'
        f',"tick_size":{_text(tick_size or book.tick_size or terms.tick_size)},"neg_risk":{neg_risk}'
    )
    return hashlib.sha1(text.encode(), usedforsecurity=False)


@lru_cache(maxsize=1 << 12)
def _beginning(market: str, token_id: str) -> str:
    return f'{{"market":{_text(market)},"asset_id":{_text(token_id)},"timestamp":'


@lru_cache(maxsize=1 << 12)
def _text(value: str) -> str:
    return msgspec.json.encode(value).decode()


@lru_cache(maxsize=1 << 12)
def _end(last_trade_price: str | None) -> bytes:
    if last_trade_price is None:
        return b"}"
    return b',"last_trade_price":%b}' % msgspec.json.encode(last_trade_price)
