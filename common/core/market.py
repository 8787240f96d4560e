"""A market and its tokens as discovery finds them, and the discovery file's shape."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

import msgspec

from common.core.instants import parse_utc_ns

DISCOVERY_SCHEMA_VERSION = 1
Exchange = Literal["live", "simulated"]
Protocol = str  # "v1", "v2", or what the exchange calls a later one
_CONDITION_DIGITS = 64
_CONDITION_ID = re.compile(r"0x[0-9a-fA-F]{1,64}")


@lru_cache(maxsize=1 << 14)
def canonical_condition_id(condition_id: str) -> str:
    """The 32 bytes in lower case, whatever width was told: 31 bytes are the same value without its last 00.

    What is no hexadecimal number of at most 32 bytes stays as it is.
    """
    if not _CONDITION_ID.fullmatch(condition_id):
        return condition_id
    return "0x" + condition_id[2:].lower().ljust(_CONDITION_DIGITS, "0")


class Token(msgspec.Struct, frozen=True):
    """One outcome of a market, as it stands in `tokens_tracked`. `token_id` is a decimal string.

    `end_time_utc` is the end of the market's window, empty for a market without one.
    """

    market_slug: str
    condition_id: str
    token_id: str
    outcome: str
    end_time_utc: str
    protocol: Protocol = "v1"

    @property
    def trades_until_ns(self) -> int | None:
        """The end of its window; None for a market that trades until it is closed, or a text that is no instant."""
        try:
            return parse_utc_ns(self.end_time_utc) if self.end_time_utc else None
        except ValueError:
            return None


class Market(msgspec.Struct, frozen=True):
    """A market worth recording: the window it trades on (ISO 8601, UTC) and its outcome tokens, Up first.

    A market without a window has empty times: it is recorded while it is open. `condition_id` is canonical.
    """

    slug: str
    condition_id: str
    series: str
    start_time_utc: str
    end_time_utc: str
    tokens: tuple[Token, ...]
    protocol: Protocol = "v1"


class Candidate(msgspec.Struct, frozen=True):
    """One market that Gamma named, and why it was taken or left."""

    slug: str
    condition_id: str
    taken: bool
    reason: str


class DiscoveryFile(msgspec.Struct, frozen=True):
    """The whole discovery file: `markets` in the order of recording, live windows first."""

    schema_version: int
    discovered_at_utc: str
    source: str
    series: tuple[str, ...]
    markets: tuple[Market, ...]
    candidates: tuple[Candidate, ...]
    warnings: tuple[str, ...] = ()
    exchange: Exchange = "live"


def all_tokens(markets: Iterable[Market]) -> tuple[Token, ...]:
    """Every token of the markets, in their order, each once."""
    by_id = {token.token_id: token for market in markets for token in market.tokens}
    return tuple(by_id.values())
