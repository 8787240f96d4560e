"""The recipes of the exchange's book hash: which keys of a book are hashed, in which order.

The hash is the SHA-1 of compact JSON with these keys and an empty `hash`. The exchange has changed the recipe twice
without notice, so the known ones are data, and a next one can be searched for among their neighbours.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations

import msgspec

from common.core.market import Protocol

PRICE_KEY = "last_trade_price"
VERSION_KEY = "version"
LEVEL_KEYS = ("bids", "asks")
STATE_KEYS = ("timestamp", *LEVEL_KEYS)  # their values are the state itself: they differ with every hash
_FIRST_PROTOCOL = "v1"
_LONGEST_PROTOCOL = 16


class Recipe(msgspec.Struct, frozen=True):
    """The hashed keys in order. `name` is empty for a recipe that was found by search.

    `protocols` are those that it was seen with.
    """

    keys: tuple[str, ...]
    name: str = ""
    protocols: tuple[Protocol, ...] = ()

    @property
    def text(self) -> str:
        """The keys, for a person."""
        return ", ".join(self.keys)


_FIRST_KEYS = (
    "market",
    "asset_id",
    "timestamp",
    "hash",
    "bids",
    "asks",
    "min_order_size",
    "tick_size",
    "neg_risk",
)
KNOWN_RECIPES = (  # the newest first
    Recipe((*_FIRST_KEYS, PRICE_KEY, VERSION_KEY), "2026-10", ("v2",)),
    Recipe((*_FIRST_KEYS, PRICE_KEY), "2025-10", ("v1",)),
    Recipe(_FIRST_KEYS, "before 2025-10", ("v1",)),
)
KNOWN_KEYS = frozenset((*_FIRST_KEYS, PRICE_KEY, VERSION_KEY))


def protocol_of(version: str | None) -> Protocol:
    """The protocol that a book names, from the JSON of its `version`. A book that names none is of the first."""
    if version in {None, "null", '""'}:
        return _FIRST_PROTOCOL
    return str(version).strip('"')[:_LONGEST_PROTOCOL]


def in_order(recipes: Iterable[Recipe], version: str | None) -> list[Recipe]:
    """The order in which to try them: with the book's own word first where it names a version, else without."""
    protocol, names_version = protocol_of(version), version is not None

    def unlikely(recipe: Recipe) -> tuple[bool, bool]:
        return (VERSION_KEY in recipe.keys) != names_version, protocol not in recipe.protocols

    return sorted(recipes, key=unlikely)


def neighbours(recipes: Iterable[Recipe], candidates: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The keys of every recipe that differs by one key, each once, and none of the given ones.

    A candidate is added at any place or stands for another key; a key is left out, or moved. Those at the end
    come first. Every one of them holds both sides of the book: without them a hash proves nothing.
    """
    known = list(recipes)
    given = {recipe.keys for recipe in known}
    for step in (_with_one_more, _with_one_less, _with_one_renamed, _with_one_moved):
        for recipe in known:
            for keys in step(recipe.keys, candidates):
                if keys not in given and _is_possible(keys):
                    given.add(keys)
                    yield keys


def _is_possible(keys: tuple[str, ...]) -> bool:
    if not all(key in keys for key in LEVEL_KEYS) or len(set(keys)) < len(keys):
        return False
    if PRICE_KEY not in keys:
        return True
    price_at = keys.index(
        PRICE_KEY
    )  # all prices are tried: what precedes them is hashed once for all of them
    return all(keys.index(key) < price_at for key in STATE_KEYS if key in keys)


def _with_one_more(keys: tuple[str, ...], candidates: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for at in range(len(keys), -1, -1):
        yield from ((*keys[:at], candidate, *keys[at:]) for candidate in candidates)


def _with_one_less(keys: tuple[str, ...], _: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for at in range(len(keys) - 1, -1, -1):
        yield (*keys[:at], *keys[at + 1 :])


def _with_one_renamed(keys: tuple[str, ...], candidates: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for at in range(len(keys) - 1, -1, -1):
        yield from ((*keys[:at], candidate, *keys[at + 1 :]) for candidate in candidates)


def _with_one_moved(keys: tuple[str, ...], _: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for taken, at in permutations(range(len(keys)), 2):
        rest = (*keys[:taken], *keys[taken + 1 :])
        yield (*rest[:at], keys[taken], *rest[at:])
