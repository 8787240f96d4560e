"""The signs of life of one session: what they tell of its health, and up to when nothing is missing."""

from collections.abc import Sequence

from common.core.feed.known_good import KnownGood
from common.feed.recording import Now
from common.polymarket.market_channel import PONG, is_market_data, is_opening_book

ARRIVAL_LIMIT_NS = 300_000_000_000  # after which a session is silent whatever dribbles in


class SessionLife:
    """From the opening on. `moved`: market data came beyond the opening books.

    `first_data_ns` and `alive_ns` are monotonic, 0 before the first: of market data, and of what else shows that the
    session is well.
    """

    def __init__(self, now: Now) -> None:
        self.opened = now
        self.moved = False
        self.first_data_ns = 0
        self.alive_ns = 0
        self._good = KnownGood(now.wall_ns)
        self._to_prove = False
        self._arriving_bytes = 0

    @property
    def good_until_ns(self) -> int:
        """Everything up to this instant (wall time) was received: where a gap begins if the session ends now."""
        return self._good.until_ns

    def heard(self, payloads: Sequence[bytes], now: Now) -> bool:
        """These messages came; whether market data is among them."""
        if self._good.is_held:
            self._good.pongs(payloads.count(PONG))
        if not any(map(is_market_data, payloads)):
            return False
        self._good.data(now.wall_ns)
        if not self.moved:
            self.first_data_ns = self.first_data_ns or now.monotonic_ns
            self.moved = any(is_market_data(each) and not is_opening_book(each) for each in payloads)
        return True

    def clock_set(self, step_ns: int, now: Now) -> None:
        """The wall clock was set by so much."""
        self._good.clock_set(step_ns, now.wall_ns)

    def runs(self) -> None:
        """This process runs: what came until now did not wait for it."""
        self._good.mark()

    def paused(self) -> None:
        """This process was stopped until now: what it finds may have waited for it."""
        self._good.paused()
        self._to_prove = True

    @property
    def must_prove(self) -> bool:
        """Whether pings are to prove, after a pause, that nothing is missing."""
        return self._to_prove

    def proving(self) -> None:
        """They were sent."""
        self._to_prove = False

    def confirmed(self, at_ns: int, now: Now) -> None:
        """Every book that REST showed at this instant (wall time) was the rebuilt one."""
        if self._good.confirmed(at_ns):
            self.alive_ns = now.monotonic_ns - max(0, now.wall_ns - at_ns)

    def arriving(self, size: int, now: Now) -> bool:
        """So many bytes of a message are there; whether a large opening array is arriving, which is not silence."""
        grows, self._arriving_bytes = size > self._arriving_bytes, size
        in_time = now.monotonic_ns - self.opened.monotonic_ns < ARRIVAL_LIMIT_NS
        if self.moved or not grows or not in_time:
            return False
        self.alive_ns = now.monotonic_ns
        return True
