"""Fifty ways to change one field of a message: other forms of the same value, other values, and what is neither."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

Path = tuple[str | int, ...]
Value = Callable[[Any], Any]
GONE = object()


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: Any) -> float:  # noqa: ANN401 - any JSON value
    try:
        return float(value)
    except (TypeError, ValueError):
        return 7.0


def _iso(value: Any, zone: str) -> str:  # noqa: ANN401 - any JSON value
    seconds = min(abs(_number(value)) / 1000, 4e9)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + zone


VALUES: dict[str, Value] = {
    "leading point": lambda value: _text(value).removeprefix("0"),
    "trailing zeros": lambda value: f"{_number(value):.6f}",
    "exponent": lambda value: f"{_number(value):e}",
    "number": _number,
    "whole number": lambda value: int(_number(value)),
    "plus": lambda value: "+" + _text(value),
    "minus": lambda value: "-" + _text(value),
    "spaces": lambda value: f" {_text(value)} ",
    "leading zeros": lambda value: "00" + _text(value),
    "comma": lambda value: _text(value).replace(".", ","),
    "empty": lambda _value: "",
    "null": lambda _value: None,
    "missing": lambda _value: GONE,
    "true": lambda _value: True,
    "zero": lambda _value: "0",
    "zero number": lambda _value: 0,
    "list": lambda _value: [],
    "object": lambda _value: {},
    "in a list": lambda value: [value],
    "in an object": lambda value: {"value": value},
    "as JSON text": json.dumps,
    "not a number": lambda _value: float("nan"),
    "infinite": lambda _value: float("inf"),
    "words": lambda _value: "n/a",
    "other digits": lambda value: _text(value).translate({ord(d): 0x660 + int(d) for d in "0123456789"}),
    "huge": lambda value: _text(value) + "0" * 30,
    "tiny": lambda value: f"0.{'0' * 25}1{_text(value)[:1]}",
    "hexadecimal": lambda value: hex(int(_number(value))),
    "twice": lambda value: _text(value) * 2,
    "cut": lambda value: _text(value)[:-1],
    "upper case": lambda value: _text(value).upper(),
    "lower case": lambda value: _text(value).lower(),
    "reversed": lambda value: _text(value)[::-1],
    "microseconds": lambda value: _text(value) + "000",
    "nanoseconds": lambda value: _text(value) + "000000",
    "seconds": lambda value: _text(value)[:-3],
    "seconds with a fraction": lambda value: f"{_number(value) / 1000:.3f}",
    "ISO 8601": lambda value: _iso(value, "Z"),
    "ISO 8601 without a zone": lambda value: _iso(value, ""),
    "a day ahead": lambda value: str(int(_number(value)) + 86_400_000),
    "a day back": lambda value: str(int(_number(value)) - 86_400_000),
    "a moment ahead": lambda value: str(int(_number(value)) + 1),
    "a moment back": lambda value: str(int(_number(value)) - 1),
    "a little more": lambda value: f"{_number(value) + 0.01:.2f}",
    "a hundredth": lambda value: f"{_number(value) / 100:.6f}".rstrip("0"),
    "the other side": lambda value: {"BUY": "SELL", "SELL": "BUY"}.get(_text(value), value),
    "another kind": lambda _value: "halt",
    "new_market": lambda _value: "new_market",
    "book": lambda _value: "book",
    "market_resolved": lambda _value: "market_resolved",
}
KEYS = ("renamed", "in upper case", "twice with another value")


def changed(payload: bytes, way: str, chance: Random) -> bytes:
    """The message with one of its fields changed in a way; which field is a matter of chance."""
    message = json.loads(payload)
    path = chance.choice(list(_paths(message)))
    holder = message
    for step in path[:-1]:
        holder = holder[step]
    key = path[-1]
    if way in VALUES:
        value = VALUES[way](holder[key])
        if value is not GONE:
            holder[key] = value
        elif isinstance(holder, dict):  # an item that is left out of a list is no field
            del holder[key]
        return json.dumps(message).encode()
    if not isinstance(key, str):
        return json.dumps(message).encode()
    marked = {("\x00" if each == key else each): value for each, value in holder.items()}
    holder.clear()
    holder.update(marked)
    new = {"renamed": f'"{key}_2"', "in upper case": f'"{key.upper()}"'}.get(way, f'"{key}": "0.5", "{key}"')
    return json.dumps(message).replace('"\\u0000"', new).encode()


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:  # noqa: ANN401 - any JSON value
    """Where each value below the message is, levels of books seldom: there are so many of them."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        if not (isinstance(key, int) and key > 2):
            yield from _paths(inner, (*path, key))
