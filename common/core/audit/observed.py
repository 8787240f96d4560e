"""What an observer wants to know of the messages that pass, counted only while there is one."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator

from common.core.audit.heard import Heard
from common.core.events.market_events import LastTrade, MarketEvent, PriceChange, UnusualForms
from common.core.market import canonical_condition_id
from common.core.page.live import Lag, Trade
from common.core.rows.origin import leg_in_name

PERIOD_NS = 5_000_000_000  # rates are those of the last whole one
LAGS_KEPT = 2000  # of each leg
TRADES_KEPT = 2000  # of all tokens


class Observed:
    """Rates by market, the newest trades, and how late changes arrive; all by the receive times of the messages."""

    def __init__(self) -> None:
        self._lags: dict[str, deque[int]] = {}
        self._trades: deque[tuple[str, str, Trade]] = deque(maxlen=TRADES_KEPT)
        self._period_ns: int | None = None
        self._counts: Counter[tuple[str, str]] = Counter()
        self._rates: dict[str, float] | None = None

    @property
    def rates(self) -> dict[str, float] | None:
        """Messages a second by market over one leg; None before the first whole period."""
        return self._rates

    def message(self, heard: Heard, events: Iterable[MarketEvent]) -> None:
        """A message passed."""
        self._turn(heard.received_at_ns)
        named = {event.market for event in events if not isinstance(event, UnusualForms) and event.market}
        self._counts.update((heard.reader, canonical_condition_id(market)) for market in named)
        for event in events:
            if isinstance(event, PriceChange | LastTrade):
                self._note_lag(heard, event.timestamp_ms)
            if isinstance(event, LastTrade):
                trade = Trade(heard.received_at_ns, event.price, event.size, event.side)
                self._trades.append((heard.reader, event.token_id, trade))

    def _note_lag(self, heard: Heard, timestamp_ms: int) -> None:
        lags = self._lags.setdefault(leg_in_name(heard.reader), deque(maxlen=LAGS_KEPT))
        lags.append(heard.received_at_ns - timestamp_ms * 1_000_000)

    def _turn(self, now_ns: int) -> None:
        if self._period_ns is None:
            self._period_ns = now_ns
        passed_ns = now_ns - self._period_ns
        if passed_ns < PERIOD_NS:
            return
        self._rates = {}
        for (
            _,
            market,
        ), count in self._counts.items():  # each leg receives all: the one that received more counts
            rate = round(count * 1e9 / passed_ns, 1)
            self._rates[market] = max(rate, self._rates.get(market, 0.0))
        self._period_ns, self._counts = now_ns, Counter()

    def trades(self, reader: str, token_id: str) -> Iterator[Trade]:
        """The trades of a token that came over a reader's connection, the newest first."""
        for of_reader, of_token, trade in reversed(self._trades):
            if (of_reader, of_token) == (reader, token_id):
                yield trade

    def lags(self) -> dict[str, Lag]:
        """How late the newest changes were, by leg. Below 0 one of the two clocks is wrong."""
        return {leg: _lag(sorted(lags)) for leg, lags in sorted(self._lags.items())}


def _lag(lags_ns: list[int]) -> Lag:
    last = len(lags_ns) - 1
    p50, p99 = (round(lags_ns[last * part // 100] / 1e6, 1) for part in (50, 99))
    return Lag(len(lags_ns), p50, p99)
