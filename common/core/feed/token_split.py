"""Which reader records which token: by rendezvous hashing, so that most stay put when others come and go."""

import hashlib
from collections.abc import Sequence

from common.core.market import Market, Token, all_tokens
from common.core.rows.origin import LEGS, Leg


def readers_needed(markets: Sequence[Market], *, at_least: int, max_tokens: int) -> int:
    """How many readers it takes to keep every connection within `max_tokens`."""
    return max(at_least, -(-len(all_tokens(markets)) // max_tokens))


def split_tokens(
    markets: Sequence[Market], *, readers: int, max_tokens: int, leg: Leg = "a"
) -> list[tuple[Token, ...]]:
    """The tokens of each reader of a leg; the legs group the markets in different ways.

    Both tokens of a market go together, always: what a connection says of a market is compared as a whole.

    What no reader has room for goes to the least loaded one: recording too much on a connection is better
    than not recording it.
    """
    shares: list[list[Token]] = [[] for _ in range(readers)]
    for market in markets:
        ranked = sorted(range(readers), key=lambda reader: _weight(market.condition_id, reader, leg))
        room = [reader for reader in ranked if len(shares[reader]) + len(market.tokens) <= max_tokens]
        least_loaded = min(range(readers), key=lambda reader: len(shares[reader]))
        shares[room[0] if room else least_loaded].extend(market.tokens)
    return [tuple(share) for share in shares]


def _weight(condition_id: str, reader: int, leg: Leg) -> bytes:
    name = f"{reader}" if leg == LEGS[0] else f"{reader}{leg}"
    return hashlib.sha256(f"{name}:{condition_id}".encode()).digest()
