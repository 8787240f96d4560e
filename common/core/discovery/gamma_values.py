"""Single values of Gamma's objects, read by what they mean: spelling and types change without notice."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns

MAX_TEXT_CHARS = 80
MAX_NAME_CHARS = 200
_JOINERS = "\u200c\u200d"  # parts of letters and emoji, not of layout
_JSON_NESTING = 2  # a list has been seen as text; text of text is one mistake further
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
_SECONDS, _MILLISECONDS = range(10**9, 10**11), range(10**12, 10**14)


def value_of(raw: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - foreign data
    """The value under a key, whatever its spelling: `conditionId` is found as `condition_id` too. None without it."""
    if name in raw:
        return raw[name]
    spelled = _spelling(tuple(raw), _folded(name))
    return None if spelled is None else raw[spelled]


@lru_cache(maxsize=256)  # the objects of one kind have the same keys
def _spelling(keys: tuple[str, ...], folded: str) -> str | None:
    return next((key for key in keys if _folded(key) == folded), None)


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def list_of(value: object) -> list[Any] | None:
    """A list given as such or as a JSON-encoded string, as Gamma does; None for anything else."""
    for _ in range(_JSON_NESTING):
        if not isinstance(value, str):
            break
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def truth_of(value: object) -> bool | None:
    """A boolean given as such, as text or as a number; None for anything else."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int | float) else ""
    return True if text in _TRUE else False if text in _FALSE else None


def instant_of(value: object) -> int | None:
    """Nanoseconds since the epoch of an ISO 8601 text, of seconds or of milliseconds; None for anything else."""
    if isinstance(value, str):
        try:
            return parse_utc_ns(value.strip())
        except (ValueError, OverflowError):
            pass
    number = _whole_number(value)
    if number in _SECONDS:
        return number * NS_PER_SECOND
    return number * (NS_PER_SECOND // 1000) if number in _MILLISECONDS else None


def _whole_number(value: object) -> int:
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if abs(value) < _MILLISECONDS.stop else 0
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 14 else 0


def shown(value: object) -> str:
    """Foreign text made safe to print: printable ASCII, cut at 80 characters; empty for what is not text."""
    text = value[:MAX_TEXT_CHARS] if isinstance(value, str) else ""
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def name_of(value: object) -> str:
    """A name in any script, without what moves a cursor or cannot be encoded; empty for what is not a name."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value).strip()[:MAX_NAME_CHARS]
    if text.isprintable():
        return text
    return "".join(char if char in _JOINERS or unicodedata.category(char)[0] != "C" else "?" for char in text)
