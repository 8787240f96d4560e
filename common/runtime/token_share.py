"""The tokens that one reader records: its share of the discovery file, followed as the file changes."""

import logging
from pathlib import Path

from common.core.market import Exchange, Market, Token, all_tokens
from common.core.token_split import split_tokens
from common.errors import DiscoveryError
from common.polymarket.discovery_file import discovery_path, read_discovery_file
from common.runtime.orders import OrdersFollower
from common.runtime.process import Runtime

LOOK_NS = 500_000_000

log = logging.getLogger(__name__)


class DiscoveredMarkets:
    """The markets of the discovery file, followed as it is replaced.

    One that cannot be read, or is of another exchange than the one that is recorded, changes nothing.
    """

    def __init__(self, data_root: Path, exchange: Exchange) -> None:
        self._exchange = exchange
        self._path = discovery_path(data_root)
        self._seen: tuple[int, int] | None = None
        self._next_look_ns = 0
        self._markets: tuple[Market, ...] = ()

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
            self._markets = read_discovery_file(self._path, self._exchange).markets
        except DiscoveryError as error:
            log.warning("discovery file not used", extra={"reason": str(error)})

    def tokens(self, now_monotonic_ns: int) -> tuple[Token, ...]:
        """All tokens to record now."""
        return all_tokens(self.markets(now_monotonic_ns))


class TokenShare:
    """One reader's part of them, by the number of readers that the orders name."""

    def __init__(self, runtime: Runtime) -> None:
        self._discovered = DiscoveredMarkets(runtime.data_root, runtime.assignment.exchange)
        self._orders = OrdersFollower(runtime.run_dir)
        self._index = runtime.index
        self._max_tokens = runtime.settings.websocket.max_assets_per_connection
        self._of: tuple[tuple[Market, ...], int] | None = None
        self._tokens: tuple[Token, ...] = ()

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
            shares = split_tokens(markets, readers=readers, max_tokens=self._max_tokens)
            self._tokens = shares[self._index] if self._index < readers else ()
        return self._tokens
