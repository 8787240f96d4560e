"""The hash that the exchange gives to a book, and the search for what in it is told too late, or nowhere.

`min_order_size` and `neg_risk` are told over REST only. The last trade's price is that of the market, with three
decimals, and enters the hash before the trade is announced.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product

import msgspec

from common.core.books.book import Book
from common.core.books.unknown_keys import Extra
from common.core.market import canonical_condition_id
from common.core.recipes.recipe import PRICE_KEY, STATE_KEYS, VERSION_KEY, Recipe

HASH_DIGITS = 40
ANY_PRICE = tuple(f"{price // 1000}.{price % 1000:03d}" for price in range(1001))
ANY_FINE_PRICE = tuple(f"{price // 10_000}.{price % 10_000:04d}" for price in range(10_001) if price % 10)
_TICK_SIZES = ("0.01", "0.001", "0.1", "0.0001", "0.005", "0.0025")
_UNTOLD_VERSIONS = ('"v2"', '"v1"')
_BRACKETS = {"timestamp": ('"', '"'), "bids": ("[", "]"), "asks": ("[", "]")}
_NO_STATE = len(STATE_KEYS)


class HashTerms(msgspec.Struct, frozen=True):
    """What only REST tells of a market, and its hashes hold.

    `tick_size` counts for books that were told none: opening books had none before 2026. `extra` are the keys
    of the REST book that have no field, `version` among them.
    """

    min_order_size: str
    neg_risk: bool
    tick_size: str = ""
    extra: Extra = ()


USUAL_TERMS = HashTerms("5", neg_risk=False)  # of all Bitcoin markets so far; one hash that holds proves them


class Form:
    """The text of one token's hashes by one recipe: only state and last trade price are still to be filled in."""

    def __init__(self, recipe: Recipe, values: Mapping[str, str]) -> None:
        """`values`: the JSON of every key but the state's and the trade price."""
        self.recipe = recipe
        self.market, self.tick_size = values.get("market", ""), values.get("tick_size", "")
        self.version = values.get(VERSION_KEY) if VERSION_KEY in recipe.keys else None
        texts, slots, price_at = ["{"], list[int](), 0
        for at, key in enumerate(recipe.keys):
            texts[-1] += f"{',' if at else ''}{_text(key)}:"
            if key == PRICE_KEY:
                price_at = len(texts)
                texts.append("")
            elif key in _BRACKETS:
                before, after = _BRACKETS[key]
                texts[-1] += before
                slots.append(STATE_KEYS.index(key))
                texts.append(after)
            else:
                texts[-1] += values[key]
        self.has_price = price_at > 0
        self._end = texts.pop() + "}" if self.has_price else "}"
        texts += [""] * (_NO_STATE + 1 - len(texts))
        slots += [_NO_STATE] * (_NO_STATE - len(slots))
        self._text_0, self._text_1, self._text_2, self._text_3 = texts
        self._slot_0, self._slot_1, self._slot_2 = slots

    def price_of(self, book: Book, prices: Iterable[str]) -> str | None:
        """The first of these last trade prices with which the book gives `book.hash`; None with none of them.

        An empty text where the recipe has no price and the hash is right.
        """
        state = (book.timestamp_ms, book.bid_ladder.json, book.ask_ladder.json, "")
        text = (
            f"{self._text_0}{state[self._slot_0]}{self._text_1}{state[self._slot_1]}"
            f"{self._text_2}{state[self._slot_2]}{self._text_3}"
        )
        begun, stated = hashlib.sha1(text.encode(), usedforsecurity=False), book.hash
        for price in prices if self.has_price else ("",):
            digest = begun.copy()
            digest.update(_end(price, self._end) if self.has_price else b"}")
            if digest.hexdigest() == stated:
                return price
        return None


class Matched(msgspec.Struct, frozen=True):
    """With what the exchange's hash comes out. `trade_price` is None by a recipe without one.

    `tick_size` is the book's own where that is known, `version` the JSON of the one that is hashed.
    """

    form: Form
    trade_price: str | None
    tick_size: str
    version: str | None


def matched(
    book: Book, terms: HashTerms, recipes: Iterable[Recipe], prices: Sequence[str], *, any_tick: bool = False
) -> Matched | None:
    """By which recipe and with which of these trades' prices the book gives `book.hash`; None by none.

    `any_tick`: also with another tick size than the book was told.
    """
    choices = choices_of(book, terms, any_tick=any_tick)
    for recipe in recipes:
        for form in forms_of(recipe, choices):
            price = form.price_of(book, prices)
            if price is not None:
                return match_of(form, price)
    return None


def match_of(form: Form, price: str) -> Matched:
    """What a form and the price that it holds with say of the book."""
    tick_size = form.tick_size.strip('"')
    return Matched(form, price if form.has_price else None, tick_size, form.version)


def choices_of(book: Book, terms: HashTerms, *, any_tick: bool = False) -> dict[str, tuple[str, ...]]:
    """The JSON that each key may have, the likeliest first: what the book itself says, what REST says, any other."""
    told: dict[str, list[str]] = {
        "market": [_text(book.market), _text(canonical_condition_id(book.market))],
        "asset_id": [_text(book.token_id)],
        "hash": ['""'],
        "tick_size": [_text(book.tick_size)] if book.tick_size else [],
        "event_type": ['"book"'],
    }
    for key, value in (*book.extra.items(), *terms.extra):
        told.setdefault(key, []).append(value)
    told.setdefault("min_order_size", []).append(_text(terms.min_order_size))
    told.setdefault("neg_risk", []).append("true" if terms.neg_risk else "false")
    if any_tick or not book.tick_size:
        told["tick_size"] += [_text(each) for each in (terms.tick_size, *_TICK_SIZES) if each]
    if not told.setdefault(VERSION_KEY, []):
        told[VERSION_KEY] += _UNTOLD_VERSIONS
    return {key: tuple(dict.fromkeys(values)) for key, values in told.items()}


def forms_of(recipe: Recipe, choices: Mapping[str, tuple[str, ...]]) -> Iterator[Form]:
    """The texts that a recipe gives with these choices; none where a key has no value."""
    keys = [key for key in recipe.keys if key not in STATE_KEYS and key != PRICE_KEY]
    if all(key in choices for key in keys):
        for values in product(*(choices[key] for key in keys)):
            yield Form(recipe, dict(zip(keys, values, strict=True)))


@lru_cache(maxsize=1 << 12)
def _text(value: str) -> str:
    return msgspec.json.encode(value).decode()


@lru_cache(maxsize=1 << 12)
def _end(price: str, end: str) -> bytes:
    return f"{_text(price)}{end}".encode()
