"""Decimal texts as whole millionths: exact, or not at all."""

from functools import lru_cache

PLACES = 6  # of what the exchange settles in: neither prices nor sizes can be finer
MOST = 10**18  # decimal128(18, 6), which readers hold in 64 bits


@lru_cache(maxsize=1 << 17)
def micros(text: str) -> int | None:
    """The text in millionths; None where it is not a plain decimal, too large, or finer than a millionth."""
    whole, _, part = text.partition(".")
    if len(part) > PLACES:
        if part[PLACES:].strip("0"):
            return None
        part = part[:PLACES]
    digits = whole + part
    if not (digits.isascii() and digits.isdigit()):
        return None
    value = int(whole or "0") * 10**PLACES + int(part.ljust(PLACES, "0")) if len(whole) <= 12 else MOST
    return value if value < MOST else None
