"""The tokens that one reader records: its share of the discovery file, followed as the file changes."""

import logging
from pathlib import Path

from common.config import DiscoverySettings
from common.core.feed.token_split import split_tokens
from common.core.instants import parse_utc_ns
from common.core.market import Exchange, Market, Token, all_tokens
from common.core.rows.origin import LEGS
from common.errors import DiscoveryError
from common.polymarket.gamma.discovery_file import discovery_path, read_discovery_file
from common.runtime.process import Runtime
from common.runtime.run.orders import OrdersFollower

LOOK_NS = 500_000_000

log = logging.getLogger(__name__)


class DiscoveredMarkets:
    """The markets of the discovery file, followed as it is replaced.

    One that cannot be read, or is of another exchange than the one that is recorded, changes nothing.
    """

    def __init__(self, data_root: Path, wanted: DiscoverySettings, exchange: Exchange) -> None:
        self._exchange = exchange
        self._path = discovery_path(data_root, wanted)
        self._seen: tuple[int, int] | None = None
        self._next_look_ns = 0
        self._markets: tuple[Market, ...] = ()
        self._closed: frozenset[str] = frozenset()

    @property
    def closed(self) -> frozenset[str]:
        """Slugs of markets that were recorded and that the exchange has confirmed to be over."""
        return self._closed

    @property
    def version(self) -> object:
        """Differs after each replacement of the file that was seen."""
        return self._seen

    def markets(self, now_monotonic_ns: int) -> tuple[Market, ...]:
        """The markets to record now."""
        if now_monotonic_ns >= self._next_look_ns:
            self._next_look_ns = now_monotonic_ns + LOOK_NS
            self._look()
        return self._markets

    def _look(self) -> None:
        try:
            facts = self._path.stat()
        except FileNotFoundError:
            return
        seen = (facts.st_ino, facts.st_mtime_ns)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            found = read_discovery_file(self._path, self._exchange)
        except DiscoveryError as error:
            log.warning("discovery file not used", extra={"reason": str(error)})
            return
        self._markets = found.markets
        self._closed = frozenset(found.closed)

    def tokens(self, now_monotonic_ns: int) -> tuple[Token, ...]:
        """All tokens to record now."""
        return all_tokens(self.markets(now_monotonic_ns))


class TokenShare:
    """One reader's part of them, by the number of readers that the orders name."""

    def __init__(self, runtime: Runtime) -> None:
        self._discovered = DiscoveredMarkets(
            runtime.data_root, runtime.settings.discovery, runtime.assignment.exchange
        )
        self._orders = OrdersFollower(runtime.run_dir)
        self._index, self._leg = runtime.index, runtime.leg or LEGS[0]
        self._max_tokens = runtime.settings.websocket.max_assets_per_connection
        self._of: tuple[tuple[Market, ...], int] | None = None
        self._tokens: tuple[Token, ...] = ()
        self._opens_ns: dict[str, int] = {}

    def is_recorded_or_closed(self, token: Token) -> bool:
        """Whether some reader records it by the present discovery, or its market is over before its time."""
        return token.market_slug in self._discovered.closed or token.token_id in self._opens_ns

    def opens_ns(self, token_id: str) -> int:
        """When its window opens (wall time); 0 where it has none."""
        return self._opens_ns.get(token_id, 0)

    @property
    def version(self) -> object:
        """Differs after each discovery that was seen."""
        return self._discovered.version

    def tokens(self, now_monotonic_ns: int) -> tuple[Token, ...]:
        """The tokens to subscribe to now; the same object until they may have changed."""
        markets = self._discovered.markets(now_monotonic_ns)
        readers = self._orders.current(now_monotonic_ns).readers
        if self._of is None or markets is not self._of[0] or readers != self._of[1]:
            self._of = (markets, readers)
            self._opens_ns = {
                token.token_id: _opens_ns(market) for market in markets for token in market.tokens
            }
            shares = split_tokens(markets, readers=readers, max_tokens=self._max_tokens, leg=self._leg)
            self._tokens = shares[self._index] if self._index < readers else ()
        return self._tokens


def _opens_ns(market: Market) -> int:
    try:
        return parse_utc_ns(market.start_time_utc) if market.start_time_utc else 0
    except ValueError:
        return 0
