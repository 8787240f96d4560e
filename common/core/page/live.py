"""Question and answer between the page and the book auditor, which has every book in memory and its proof.

The page asks only while somebody looks.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from common.core.views.book_view import Level

MOST_ASKED = 500  # tokens or markets of one question: more than a page of the list shows
TokenId = Annotated[str, Meta(max_length=78)]
ConditionId = Annotated[str, Meta(max_length=200)]


class LiveQuestion(msgspec.Struct, frozen=True):
    """The tokens whose best prices are wanted, the markets whose rates, and the token whose ladder; empty for none."""

    token_ids: Annotated[tuple[TokenId, ...], Meta(max_length=MOST_ASKED)] = ()
    markets: Annotated[tuple[ConditionId, ...], Meta(max_length=MOST_ASKED)] = ()
    ladder: TokenId = ""


class Checked(msgspec.Struct, frozen=True):
    """The last check of a token's book by hash: its verdict, the reason, and the exchange's time that it is about."""

    verdict: str
    reason: str
    timestamp_ms: int


class TokenNow(msgspec.Struct, frozen=True):
    """A token as the auditor has it. Prices are None on a side without levels; `book` is False where there is none."""

    book: bool = False
    best_bid: str | None = None
    best_ask: str | None = None
    checked: Checked | None = None


class Trade(msgspec.Struct, frozen=True):
    """A trade as it passed; `side` is the taker's."""

    received_at_ns: int
    price: str
    size: str
    side: str


class LadderNow(msgspec.Struct, frozen=True):
    """A token's book after the message that its reader received at `received_at_ns`, the best levels first.

    `timestamp_ms` is the exchange's time of the book. `trades` are the newest first, since somebody began to look.
    """

    reader: str
    received_at_ns: int
    timestamp_ms: int
    tick_size: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    bid_levels: int
    ask_levels: int
    trades: tuple[Trade, ...] = ()


class Lag(msgspec.Struct, frozen=True):
    """From the exchange's time to the receive time, over the newest `messages` of a leg that change a book."""

    messages: int
    p50_ms: float
    p99_ms: float


class LiveAnswer(msgspec.Struct, frozen=True):
    """`rates` are messages a second by market, None until they were counted for long enough. `lags` are by leg.

    `rests` where the auditor lets messages pass unheard at this moment, because there are too many.
    """

    tokens: Mapping[str, TokenNow] = {}
    rates: Mapping[str, float] | None = None
    lags: Mapping[str, Lag] = {}
    ladder: LadderNow | None = None
    rests: bool = False
