"""A market and its tokens as discovery finds them, and the discovery file's shape."""

from collections.abc import Iterable

import msgspec

DISCOVERY_SCHEMA_VERSION = 1


class Token(msgspec.Struct, frozen=True):
    """One outcome of a market, as it stands in `tokens_tracked`. `token_id` is a decimal string."""

    market_slug: str
    condition_id: str
    token_id: str
    outcome: str
    end_time_utc: str


class Market(msgspec.Struct, frozen=True):
    """A market worth recording: the window it trades on (ISO 8601, UTC) and its outcome tokens, Up first."""

    slug: str
    condition_id: str
    series: str
    start_time_utc: str
    end_time_utc: str
    tokens: tuple[Token, ...]


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


def all_tokens(markets: Iterable[Market]) -> tuple[Token, ...]:
    """Every token of the markets, in their order, each once."""
    by_id = {token.token_id: token for market in markets for token in market.tokens}
    return tuple(by_id.values())
