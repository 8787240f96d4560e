"""The forms in which a value can be written, and the one normal form of each: decimals, times, sides.

A form that means the same is read and named, so that it can be counted. A value of which two readings are possible
is not read at all: `Unreadable`.
"""

import re
from datetime import datetime
from decimal import Decimal

from common.core.decimal_text import PLACES
from common.core.instants import parse_utc_ns

USUAL = ""  # the name of the form that the exchange uses
NUMBER = "number"  # a JSON number where the exchange writes a text

_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:(\.)([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?", re.ASCII)
_LONGEST = 60  # characters of a decimal that is worth reading
_MOST_DIGITS = 18  # before the point, as on the usual way
_BEFORE_THE_SECONDS = (
    10**9
)  # smaller times are before 2001 in seconds and in milliseconds: the exchange's unit counts
_TIME_UNITS = (  # a time of the years 2001 to 2286 in each unit; what lies between the ranges is ambiguous
    (10**9, Decimal(1000), "seconds"),
    (10**12, Decimal(1), USUAL),
    (10**15, Decimal(1) / 1000, "microseconds"),
    (10**18, Decimal(1) / 1_000_000, "nanoseconds"),
)
_SIDES = {"BUY": "BUY", "SELL": "SELL", "BID": "BUY", "ASK": "SELL"}


class Unreadable(ValueError):
    """A value that is not what it must be, or that can be read in two ways."""


def decimal_form(text: str) -> tuple[str, str]:
    """The normal form of a decimal, such as `0.5`, and the name of the form that it was written in."""
    stripped = text.strip(" \t\r\n")
    match = _DECIMAL.fullmatch(stripped) if len(stripped) <= _LONGEST else None
    if match is None or not (match[2] or match[4]):
        raise Unreadable(f"{text[:40]!r} is not a decimal")
    normal = _normal(stripped)
    if normal.startswith("-"):
        raise Unreadable(f"{text[:40]!r} is negative")
    whole, _, part = normal.partition(".")
    if len(whole) > _MOST_DIGITS or len(part) > PLACES:
        raise Unreadable(f"{text[:40]!r} has more digits than a price or size")
    return normal, _decimal_form_name(text, match, normal)


def _normal(text: str) -> str:
    number = Decimal(text)
    if not number:
        return "0"
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _decimal_form_name(text: str, match: "re.Match[str]", normal: str) -> str:
    sign, whole, point, part, exponent = match.groups()
    if text == normal:
        return USUAL
    if exponent is not None:
        return "exponent"
    if sign:
        return "sign"
    if point and not whole:
        return "leading_point"
    if len(whole) > 1 and whole.startswith("0"):
        return "leading_zeros"
    if point and (not part or part.endswith("0")):
        return "trailing_zeros"
    return "spaces"


def time_form(text: str) -> tuple[int, str]:
    """Milliseconds since 1970, and the name of the form: seconds, micro- and nanoseconds, ISO 8601 with its zone."""
    stripped = text.strip(" \t\r\n")
    if "-" in stripped[1:] or ":" in stripped:
        return _iso_ms(stripped), "iso_8601"
    match = _DECIMAL.fullmatch(stripped) if len(stripped) <= _LONGEST else None
    if match is None or not (match[2] or match[4]):
        raise Unreadable(f"{text[:40]!r} is not a time")
    number = Decimal(stripped)
    if 0 <= number < _BEFORE_THE_SECONDS:
        return int(number), USUAL if text == str(int(number)) else "fraction"
    for least, to_ms, name in _TIME_UNITS:
        if least <= number < least * 10:
            milliseconds = int(number * to_ms)
            return milliseconds, name or (USUAL if text == str(milliseconds) else "fraction")
    raise Unreadable(f"{text[:40]!r} is a time in no unit that gives a date between 2001 and 2286")


def _iso_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return parse_utc_ns(text) // 1_000_000
    except ValueError:
        pass
    raise Unreadable(f"{text[:40]!r} is not a time with its zone")


def side_form(text: str) -> tuple[str, str]:
    """`BUY` or `SELL`, and the name of the form."""
    side = _SIDES.get(text.strip().upper())
    if side is None:
        raise Unreadable(f"{text[:40]!r} is not a side")
    return side, USUAL if text == side else "side_in_other_words"
