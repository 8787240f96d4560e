"""Ways in which the exchange may change its book objects: each key renamed, moved, retyped, removed, new ones added."""

from collections.abc import Callable, Iterator

from tests.core.hash_world import Object

Mutation = Callable[[Object], Object]
KEYS = (
    "market",
    "asset_id",
    "timestamp",
    "hash",
    "bids",
    "asks",
    "min_order_size",
    "tick_size",
    "neg_risk",
    "last_trade_price",
)
NEW_VALUES = ("x", 7, None, True, {"a": [1, 2]})


def renamed(key: str) -> Mutation:
    return lambda book: {(f"{each}_new" if each == key else each): book[each] for each in book}


def removed(key: str) -> Mutation:
    return lambda book: {each: book[each] for each in book if each != key}


def moved(key: str, *, first: bool) -> Mutation:
    def move(book: Object) -> Object:
        if key not in book:
            return book
        rest = removed(key)(book)
        return {key: book[key], **rest} if first else {**rest, key: book[key]}

    return move


def retyped(key: str) -> Mutation:
    def retype(book: Object) -> Object:
        return {each: _retyped(value) if each == key else value for each, value in book.items()}

    return retype


def _retyped(value: object) -> object:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return float(value) if value.replace(".", "", 1).isdigit() else [value]
        case list():
            return {str(at): each for at, each in enumerate(value)}
    return value


def added(value: object, at: int) -> Mutation:
    def add(book: Object) -> Object:
        items = list(book.items())
        items.insert(at if at >= 0 else len(items), ("new_key", value))
        return dict(items)

    return add


def counted(at: int) -> Mutation:
    """A new key whose value is another at each moment."""
    return lambda book: added(book.get("timestamp", ""), at)(book)


def mutations() -> Iterator[tuple[str, Mutation]]:
    """All of them, with a name."""
    for key in KEYS:
        yield f"{key} renamed", renamed(key)
        yield f"{key} removed", removed(key)
        yield f"{key} moved to the front", moved(key, first=True)
        yield f"{key} moved to the end", moved(key, first=False)
        yield f"{key} retyped", retyped(key)
    for at in (0, 4, -1):
        for value in NEW_VALUES:
            yield f"{value!r} added at {at}", added(value, at)
        yield f"the time added at {at}", counted(at)
