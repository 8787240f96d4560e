"""A market and its tokens as discovery finds them, and the discovery file's shape."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

import msgspec

from common.core.instants import parse_utc_ns
from common.core.problems import ProblemKind

DISCOVERY_SCHEMA_VERSION = 1
Exchange = Literal["live", "simulated"]
Protocol = str  # "v1", "v2", or what the exchange calls a later one
_CONDITION_DIGITS = 64
_CONDITION_ID = re.compile(r"0x[0-9a-fA-F]{1,64}")


@lru_cache(maxsize=1 << 12)
def canonical_condition_id(condition_id: str) -> str:
    """The 32 bytes in lower case, whatever width was told: 31 bytes are the same value without its last 00.

    What is not a hexadecimal number of at most 32 bytes stays as it is.
    """
    if not _CONDITION_ID.fullmatch(condition_id):
        return condition_id
    return "0x" + condition_id[2:].lower().ljust(_CONDITION_DIGITS, "0")


class Token(msgspec.Struct, frozen=True):
    """One outcome of a market, as it is in `tokens_tracked`. `token_id` is a decimal string.

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
        """The end of its window; None for a market that trades until it is closed, or a text that is not an instant."""
        try:
            return parse_utc_ns(self.end_time_utc) if self.end_time_utc else None
        except ValueError:
            return None

    def trades_at(self, at_ns: int) -> bool:
        """Whether its window is not over by then (wall time): only then it can be expected to have a book."""
        until_ns = self.trades_until_ns
        return until_ns is None or at_ns < until_ns


class Market(msgspec.Struct, frozen=True):
    """A market worth recording: the window it trades on (ISO 8601, UTC) and its outcome tokens, Up first.

    A market without a window has empty times: it is recorded while it is open. `condition_id` is canonical, and
    empty where the exchange did not say it. `selected_by` names the settings that it was found for: `tag crypto`.
    """

    slug: str
    condition_id: str
    series: str
    start_time_utc: str
    end_time_utc: str
    tokens: tuple[Token, ...]
    protocol: Protocol = "v1"
    selected_by: tuple[str, ...] = ()


class Candidate(msgspec.Struct, frozen=True):
    """One market that Gamma named, and why it was taken or left."""

    slug: str
    condition_id: str
    taken: bool
    reason: str


class Finding(msgspec.Struct, frozen=True):
    """What one discovery found to be wrong; `subject` tells several of a kind apart."""

    kind: ProblemKind
    subject: str
    reason: str


class DiscoveryFile(msgspec.Struct, frozen=True):
    """The whole discovery file: `markets` in the order of recording, live windows first.

    `confirmed_empty`: Gamma answered the whole selection, all of it exists, and none of it is to be recorded now.
    `closed`: slugs of markets that were taken before and that the exchange has confirmed to be over: they may leave
    before their time.
    `clock_offset_seconds`: how far this machine's clock is ahead of the exchange's, None where it is not known.
    `series_known`: the series of the settings that exist on this exchange, or once did.
    """

    schema_version: int
    discovered_at_utc: str
    source: str
    series: tuple[str, ...]
    markets: tuple[Market, ...]
    candidates: tuple[Candidate, ...]
    warnings: tuple[str, ...] = ()
    exchange: Exchange = "live"
    confirmed_empty: bool = False
    closed: tuple[str, ...] = ()
    problems: tuple[Finding, ...] = ()
    clock_offset_seconds: float | None = None
    series_known: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    named_markets: tuple[str, ...] = ()
    program_version: str = ""


def all_tokens(markets: Iterable[Market]) -> tuple[Token, ...]:
    """Every token of the markets, in their order, each once."""
    by_id = {token.token_id: token for market in markets for token in market.tokens}
    return tuple(by_id.values())
