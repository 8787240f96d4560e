"""What the HTTP side answers from: the markets that are listed, and the book of each token."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from common.simulation.faults.catalogue import Fault
from common.simulation.faults.shapes import Shapes
from common.simulation.markets.listing import Event, Listing, Series
from common.simulation.resolutions import Teller


class RestBook(msgspec.Struct, frozen=True):
    """A book as `POST /books` answers it, the hash that is in the text, and the slug of its market."""

    slug: str
    text: str
    hash: str


class Catalogue(Protocol):
    """The markets by their slugs, and the events that they are in."""

    @property
    def by_slug(self) -> Mapping[str, Listing]:
        """Every market."""

    @property
    def events(self) -> Mapping[str, Event]:
        """Every event."""

    @property
    def by_event(self) -> Mapping[str, Sequence[Listing]]:
        """The markets of each event, at least one."""


class Listed(Protocol):
    """Markets that were made up, or recorded. Prices and ticks are in ten-thousandths."""

    @property
    def calendar(self) -> Catalogue:
        """What is listed now."""

    @property
    def series(self) -> Sequence[Series]:
        """Every series, whether it has a market now or not."""

    @property
    def shapes(self) -> Shapes:
        """How objects and books are changed by the faults that are on."""

    def set_shapes(self, faults: Sequence[Fault]) -> None:
        """The mutations among these faults hold from now on, and no others."""

    def tick(self, listing: Listing) -> int:
        """The market's tick now."""

    def fair(self, listing: Listing, now_ms: int) -> int:
        """What its first outcome is worth now."""

    def told_winner(self, teller: Teller, listing: Listing, now_s: float) -> int | None:
        """The index of the outcome that wins as Gamma or the data API says it; None while it says nothing of it."""

    def rest_book(self, token_id: str, now_ms: int) -> RestBook | None:
        """The book of a token; None where it has none now."""
