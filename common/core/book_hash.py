"""The hash that the exchange gives to a book, and the search for the one thing in it that is told too late.

SHA-1 of compact JSON. `min_order_size` and `neg_risk` are told over REST only. The last trade's price is that of the
market, with three decimals, and enters the hash before the trade is announced.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from common.core.book import Book

_THREE_DECIMALS = tuple(f"{price // 1000}.{price % 1000:03d}" for price in range(1001))
_TICK_SIZES = ("0.01", "0.001", "0.1", "0.0001")
_OLD_RECIPE = None  # before 2025-10 the text ended behind neg_risk


class HashTerms(msgspec.Struct, frozen=True):
    """What only REST tells of a market, and its hashes hold.

    `tick_size` counts for books that were told none: opening books had none before 2026.
    """

    min_order_size: str
    neg_risk: bool
    tick_size: str = ""


class Matched(msgspec.Struct, frozen=True):
    """With what the exchange's hash comes out.

    `trade_price` is the last trade's; None: by the recipe without one. `tick_size` is the book's own where that
    is known.
    """

    trade_price: str | None
    tick_size: str


def book_hash(book: Book, terms: HashTerms, last_trade_price: str | None) -> str:
    """The hash of a book as 40 hex digits. `last_trade_price` None is the recipe of before 2025-10."""
    digest = _without_trade(book, terms, book.tick_size or terms.tick_size)
    digest.update(_end(last_trade_price))
    return digest.hexdigest()


def matched(book: Book, terms: HashTerms, trade_prices: Iterable[str]) -> Matched | None:
    """With which of these trades' prices the book gives `book.hash`; None with none of them."""
    return _search(book, terms, tuple(trade_prices))


def matched_with_any_price(book: Book, terms: HashTerms, announced: Iterable[str]) -> Matched | None:
    """The same with all prices there are; None: the book is not the exchange's.

    Tried are the `announced` ones first, then none at all, the old recipe, and all prices of three decimals.
    """
    return _search(book, terms, (*announced, "", _OLD_RECIPE, *_THREE_DECIMALS))


def _search(book: Book, terms: HashTerms, prices: Sequence[str | None]) -> Matched | None:
    """A book whose tick size nobody told may have any: only opening books and changes of it tell one."""
    for tick_size in (book.tick_size,) if book.tick_size else dict.fromkeys((terms.tick_size, *_TICK_SIZES)):
        begun = _without_trade(book, terms, tick_size)
        for price in prices:
            digest = begun.copy()
            digest.update(_end(price))
            if digest.hexdigest() == book.hash:
                return Matched(price, tick_size)
    return None


def _without_trade(book: Book, terms: HashTerms, tick_size: str) -> "hashlib._Hash":
    neg_risk = "true" if terms.neg_risk else "false"
    text = (
        f'{_beginning(book.market, book.token_id)}"{book.timestamp_ms}","hash":"","bids":[{book.bid_ladder.json}]'
        f',"asks":[{book.ask_ladder.json}],"min_order_size":{_text(terms.min_order_size)}'
        f',"tick_size":{_text(tick_size)},"neg_risk":{neg_risk}'
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
