"""How fine and how large the numbers of a format may be: what does not fit is refused with a reason, never rounded."""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from common.core.decimal_text import normal


class Field(msgspec.Struct, frozen=True):
    """The most digits before and after the point that a format's price or size can have."""

    name: str
    whole: int
    places: int


class Precision(msgspec.Struct, frozen=True):
    """The prices and sizes that a format holds exactly."""

    price: Field
    size: Field

    def misfit(self, levels: Iterable[tuple[str, str]]) -> str | None:
        """Why one of these pairs of price and size does not fit; None where all of them do."""
        for price, size in levels:
            reason = _misfit(self.price, price) or _misfit(self.size, size)
            if reason is not None:
                return reason
        return None


def precision(
    *, price_places: int, size_places: int, price_whole: int = 18, size_whole: int = 18
) -> Precision:
    """Of a format; the exchange's texts have at most 18 digits on each side of the point."""
    return Precision(Field("price", price_whole, price_places), Field("size", size_whole, size_places))


@lru_cache(maxsize=1 << 14)
def _misfit(field: Field, text: str) -> str | None:
    whole, _, part = normal(text).partition(".")
    if len(part) > field.places:
        return f"the {field.name} {text} has more than {field.places} decimal places"
    if len(whole) > field.whole:
        return f"the {field.name} {text} has more than {field.whole} digits before the point"
    return None
