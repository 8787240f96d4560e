"""One small change of a JSON object: how an exchange alters what it sends without saying so beforehand."""

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any, Literal

import msgspec

from common.errors import ConfigError

Document = dict[str, Any]
Change = Literal["rename", "move", "retype", "add", "remove"]
LAST = ""


class Mutation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What changes at `path`: keys joined by dots, `*` stands for every element of a list (`price_changes.*.hash`).

    rename: `to` is the new name. move: `to` is a sub-object of the same object, made where there is none; "" is the
    object itself. retype: `to` is one of TYPES. add: `value` is JSON; a key that is there gets this value. move and
    add put the key before the key `before`, or last. What the path does not find stays as it is.
    """

    change: Change
    path: str
    to: str = ""
    before: str = LAST
    value: str = "null"

    def check(self) -> None:
        """Raises ConfigError naming the field that makes no sense."""
        if not self.path or not all(self.path.split(".")):
            raise ConfigError(f"mutation: path must be keys joined by dots, got {self.path!r}")
        if self.change == "rename" and not self.to:
            raise ConfigError("mutation: rename needs to=, the new name")
        if self.change == "retype" and self.to not in TYPES:
            raise ConfigError(f"mutation: to must be one of {', '.join(TYPES)}, got {self.to!r}")
        try:
            json.loads(self.value)
        except ValueError as error:
            raise ConfigError(f"mutation: value must be JSON, got {self.value!r}") from error


def mutate(document: Document, mutation: Mutation) -> Document:
    """The changed document; the given one stays as it is."""
    changed = deepcopy(document)
    _apply(changed, mutation)
    return changed


def mutated_text(text: str, mutations: Sequence[Mutation]) -> str:
    """The same for the text of an object; compact JSON comes out of it, unless there are no mutations."""
    if not mutations:
        return text
    document = msgspec.json.decode(text)
    for mutation in mutations:
        _apply(document, mutation)
    return msgspec.json.encode(document).decode()


def _apply(document: Document, mutation: Mutation) -> None:
    *parents, key = mutation.path.split(".")
    for holder in _holders(document, parents):
        if key in holder or mutation.change == "add":
            _CHANGES[mutation.change](holder, key, mutation)


def _holders(found: object, keys: list[str]) -> Iterator[Document]:
    """The objects at a path."""
    if not keys:
        if isinstance(found, dict):
            yield found
    elif keys[0] == "*" and isinstance(found, list):
        for element in found:
            yield from _holders(element, keys[1:])
    elif isinstance(found, dict) and keys[0] in found:
        yield from _holders(found[keys[0]], keys[1:])


def _rename(holder: Document, key: str, mutation: Mutation) -> None:
    renamed = [(mutation.to if name == key else name, value) for name, value in holder.items()]
    holder.clear()
    holder.update(renamed)


def _move(holder: Document, key: str, mutation: Mutation) -> None:
    value = holder.pop(key)
    target = holder.setdefault(mutation.to, {}) if mutation.to else holder
    if isinstance(target, dict):
        _put(target, key, value, mutation.before)
    else:
        holder[key] = value


def _add(holder: Document, key: str, mutation: Mutation) -> None:
    value = json.loads(mutation.value)
    if key in holder:
        holder[key] = value
    else:
        _put(holder, key, value, mutation.before)


def _remove(holder: Document, key: str, _mutation: Mutation) -> None:
    del holder[key]


def _retype(holder: Document, key: str, mutation: Mutation) -> None:
    holder[key] = TYPES[mutation.to](holder[key])


def _put(holder: Document, key: str, value: object, before: str) -> None:
    behind = list(holder)[list(holder).index(before) :] if before in holder else []
    later = [(name, holder.pop(name)) for name in behind]
    holder[key] = value
    holder.update(later)


def _number(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    try:
        return json.loads(value, parse_constant=str) if isinstance(value, str) else value
    except ValueError:
        return value  # what is not a number has no other shape as one


def _list(value: object) -> object:
    decoded = _number(value)
    return decoded if isinstance(decoded, list) else [value]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


TYPES: dict[str, Callable[[object], object]] = {
    "text": _text,
    "number": _number,
    "list": _list,
    "json_text": json.dumps,
    "object": lambda value: {"value": value},
    "null": lambda _value: None,
}
_CHANGES: dict[Change, Callable[[Document, str, Mutation], None]] = {
    "rename": _rename,
    "move": _move,
    "retype": _retype,
    "add": _add,
    "remove": _remove,
}
