"""The exchange's decimals: texts that are kept as they came, and compared as exact numbers, never as floats."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

MICRO_PLACES = 6  # of what the exchange settles in: neither prices nor sizes can be finer
MOST_MICROS = 10**18  # decimal128(18, 6), which readers hold in 64 bits
PLACES = 18  # digits behind the point that can be told apart
_DECIMALS = re.compile(r"(?:[0-9]{1,18}+(?:\.[0-9]{1,18}+)?+,)*+", re.ASCII)


def check_decimals(texts: Sequence[str]) -> None:
    """Raise ValueError unless each text is a decimal like `0.43`, `128.98` or `0`: no sign, no exponent."""
    joined = ",".join(texts) + ","  # one look at all of them: a look at each would cost more than the parsing
    if texts and (joined.count(",") != len(texts) or _DECIMALS.fullmatch(joined) is None):
        wrong = next((text for text in texts if _DECIMALS.fullmatch(f"{text},") is None or "," in text), "")
        raise ValueError(f"{wrong[:40]!r} is not a decimal")


@lru_cache(maxsize=1 << 12)
def scaled(text: str) -> int:
    """The value times 10**PLACES, exactly: for comparing and sorting. ValueError if it is not a number."""
    whole, _, rest = text.partition(".")
    if not (text.isascii() and whole.isdigit() and len(rest) <= PLACES and (rest.isdigit() or not rest)):
        raise ValueError(f"{text[:40]!r} is not a decimal number")
    return int(whole + rest.ljust(PLACES, "0"))


@lru_cache(maxsize=1 << 12)
def normal(text: str) -> str:
    """The one normal form of a decimal: `0.5` for `0.50` and `00.5`."""
    whole, point, rest = text.partition(".")
    whole, rest = whole.lstrip("0") or "0", rest.rstrip("0")
    return f"{whole}{point}{rest}" if rest else whole


def normal_levels(levels: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Prices and sizes in their normal forms, whatever the exchange wrote."""
    return tuple((normal(price), normal(size)) for price, size in levels)


def is_zero(text: str) -> bool:
    """Whether a decimal is 0, however it is written."""
    return not text.strip("0.")


def three_decimals(text: str) -> str:
    """A decimal with at least three digits behind the point: `0.430` for `0.43`. An empty text stays empty."""
    if not text:
        return text
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.ljust(3, '0')}"


@lru_cache(maxsize=1 << 17)
def micros(text: str) -> int | None:
    """The text in millionths; None where it is not a plain decimal, too large, or finer than a millionth."""
    whole, _, part = text.partition(".")
    if len(part) > MICRO_PLACES:
        if part[MICRO_PLACES:].strip("0"):
            return None
        part = part[:MICRO_PLACES]
    digits = whole + part
    if not (digits.isascii() and digits.isdigit()):
        return None
    value = (
        int(whole or "0") * 10**MICRO_PLACES + int(part.ljust(MICRO_PLACES, "0"))
        if len(whole) <= 12
        else MOST_MICROS
    )
    return value if value < MOST_MICROS else None
