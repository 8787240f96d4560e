"""The keys of a book object that the program has no field for, with their values exactly as the exchange wrote them.

The exchange adds keys to its books without notice, and some of them enter the hash of the book.
"""

from collections.abc import Container

import msgspec

KEYS_KEPT = 8  # of one object
_LONGEST_KEY = 64
_LONGEST_VALUE = 256
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])

Extra = tuple[tuple[str, str], ...]  # key and compact JSON of its value, in the order of the object


def unknown_keys(text: bytes | msgspec.Raw, known: Container[str]) -> Extra:
    """The keys of a JSON object that are not among the known ones. Very long ones are left out.

    Raises msgspec.DecodeError where the text is not an object.
    """
    found: list[tuple[str, str]] = []
    for key, raw in _OBJECT.decode(text).items():
        if key in known or len(key) > _LONGEST_KEY or len(found) >= KEYS_KEPT:
            continue
        value = msgspec.json.format(raw, indent=-1)
        if len(value) <= _LONGEST_VALUE:
            found.append((key, value.decode()))
    return tuple(found)
