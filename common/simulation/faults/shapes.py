"""Which mutations are on, and what they change: objects of Gamma, books, frames."""

from collections.abc import Iterable

from common.simulation.faults.catalogue import Fault
from common.simulation.faults.mutations import Mutation

BOOKS: dict[str, tuple[str, ...]] = {"rest_book": ("book", "rest_book"), "ws_book": ("book", "ws_book")}


class Shapes:
    """The `mutate` faults that are on, in the order in which they were switched on."""

    def __init__(self) -> None:
        self._faults: tuple[Fault, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._faults)

    def set(self, faults: Iterable[Fault]) -> bool:
        """Take those among the faults that are mutations; whether that changes anything."""
        before, self._faults = self._faults, tuple(fault for fault in faults if fault.name == "mutate")
        return before != self._faults

    def of(self, place: str, slug: str = "", *tokens: str) -> tuple[Mutation, ...]:
        """What changes there, for a market (or event) of this slug and for these of its tokens."""
        places = BOOKS.get(place, (place,))
        return tuple(
            fault.mutation() for fault in self._faults if fault.where in places and _hits(fault, slug, tokens)
        )

    def hashed(self, slug: str, token: str) -> tuple[Mutation, ...]:
        """What enters the hash of a token's books."""
        return tuple(
            fault.mutation() for fault in self._faults if fault.hashed and _hits(fault, slug, (token,))
        )


def _hits(fault: Fault, slug: str, tokens: tuple[str, ...]) -> bool:
    return fault.slug in ("", slug) and (not fault.token or fault.token in tokens)
