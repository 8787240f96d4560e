"""Equal by meaning: the same bytes, or the same JSON whatever the order of its keys."""

from collections.abc import Iterable, Sequence

import msgspec

_NEVER = -1  # the class of what belongs to its leg alone


def canonical(payload: bytes) -> bytes:
    """The JSON with sorted keys and without white space; the payload itself where it is not JSON."""
    try:
        return msgspec.json.encode(msgspec.json.decode(payload), order="sorted")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return payload


def classes(a: Sequence[bytes], b: Sequence[bytes]) -> tuple[list[int], list[int]]:
    """A number for each payload, equal where the meaning is; -1 for an empty one, which equals nothing.

    Only what the other leg does not have byte for byte is decoded, and only if both legs have such messages.
    """
    own_a, own_b = set(a), set(b)
    only_a, only_b = own_a - own_b, own_b - own_a
    names = _canonical_names(only_a | only_b) if only_a - {b""} and only_b - {b""} else {}
    numbers: dict[bytes, int] = {}

    def number(payload: bytes) -> int:
        name = names.get(payload, payload)
        return numbers.setdefault(name, len(numbers)) if payload else _NEVER

    return [number(payload) for payload in a], [number(payload) for payload in b]


def _canonical_names(payloads: Iterable[bytes]) -> dict[bytes, bytes]:
    return {payload: canonical(payload) for payload in payloads}
