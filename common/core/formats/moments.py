"""What happened to one token, as every format's writer takes it: prices and sizes are the exchange's own texts.

`at_ns` is when it was known here, in nanoseconds since 1970. Within a token it never falls: of two legs the message
that was sent later may have been received earlier. `exchange_ms` is the exchange's own time, in milliseconds.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from common.core.books.book import PriceSize
from common.core.events.market_events import LevelChange, Side

Gaps = Literal["split", "clear"]
GAPS: tuple[Gaps, ...] = ("split", "clear")


class WholeBook(msgspec.Struct, frozen=True, gc=False):
    """The token's book from here on, each side with its best level last.

    `carried`: it was known before the hour began, and the file begins with it; the exchange sent nothing here.
    """

    token_id: str
    at_ns: int
    exchange_ms: int
    bids: Sequence[PriceSize]
    asks: Sequence[PriceSize]
    carried: bool = False


class Levels(msgspec.Struct, frozen=True, gc=False):
    """Levels of the token's book that one message changed."""

    token_id: str
    at_ns: int
    exchange_ms: int
    changes: Sequence[LevelChange]


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A trade; `side` is the taker's. `exchange_ms` may be older than that of the moment before."""

    token_id: str
    at_ns: int
    exchange_ms: int
    price: str
    size: str
    side: Side
    fee_rate_bps: str
    transaction_hash: str


class Tick(msgspec.Struct, frozen=True, gc=False):
    """The smallest price step is another one from here on."""

    token_id: str
    at_ns: int
    exchange_ms: int
    old: str
    new: str


class Lost(msgspec.Struct, frozen=True, gc=False):
    """The token's book is not known from here on, until its next WholeBook."""

    token_id: str
    at_ns: int
    exchange_ms: int
    reason: str


Moment = WholeBook | Levels | Trade | Tick | Lost
