"""Who gets which frame: the open connections, their subscriptions, and the timer of the market."""

import asyncio
import time
from collections.abc import Iterable

from common.simulation.audience import Audience
from common.simulation.connection import Connection, Outgoing
from common.simulation.faults.active import Faults
from common.simulation.faults.catalogue import Fault
from common.simulation.faults.mutations import mutated_text
from common.simulation.markets.frames import Frame, opening_array, opening_book
from common.simulation.markets.market import SimulatedMarket
from common.simulation.markets.model import MarketModel
from common.simulation.options import SimulationOptions

TICK_S = 0.01
BACKLOG_S = 0.5  # after a pause of the process at most so much is caught up
BURST_S = 0.05  # one burst of frames takes at most so long, whatever rate is asked for
OF_FRAMES = frozenset(
    {"freeze", "mute", "drop", "withhold", "slow"}
)  # the faults that withhold or delay what is due
OPENING_LIMIT = 500  # above so many tokens on a connection the opening book never comes


def now_ms() -> int:
    """The wall clock in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Feed(Audience):
    """Plays the markets that are made up."""

    def __init__(self, options: SimulationOptions, model: MarketModel, faults: Faults) -> None:
        super().__init__(options, faults)
        self._model = model
        self._by_market: dict[str, dict[Connection, None]] = {}
        self._due = 0.0
        self._announcements_due = 0.0

    def route(self) -> None:
        """Work out again who gets which market, after a subscription changed."""
        self._by_market = {}
        now = now_ms()
        for connection in self.connections.values():
            for token_id in connection.tokens:
                market = self._model.market(token_id, now)
                if market is not None:
                    self._by_market.setdefault(market.listing.condition_id, {})[connection] = None
        self._model.watch(self._by_market, now)

    def open_books(self, connection: Connection, token_ids: Iterable[str]) -> None:
        """Queue the opening array of these tokens, unless the connection has too many or gets no data."""
        books = []
        now, number = time.monotonic(), connection.number
        for token_id in token_ids:
            market = self._model.market(token_id, now_ms())
            muted = self._faults and self._faults.take("mute", now, connection=number, token=token_id)
            withheld = muted or (self._faults and self._faults.take("no_book", now, token=token_id))
            if market is not None and not withheld:
                books.append(self._opening(market, token_id))
        self.route()
        frozen = self._faults.take("freeze", now, connection=number)
        if len(connection.tokens) <= OPENING_LIMIT and not connection.pongs_only and not frozen:
            self.put(connection, opening_array(books))

    def _opening(self, market: SimulatedMarket, token_id: str) -> str:
        book = market.book
        shapes = self._model.shapes.of("ws_book", market.listing.slug, token_id)
        return mutated_text(opening_book(book, book.token_ids.index(token_id)), shapes)

    def act_on_books(self, connection: Connection, fault: Fault) -> None:
        """Lose a change, or open a book that was not asked for."""
        if fault.name == "drop_change":
            self._lose_change(connection, fault.token)
        else:
            self._open_stranger(connection, fault.token)

    def _open_stranger(self, connection: Connection, token_id: str) -> None:
        """Queue the opening book of a token that the connection did not ask for: this one, or for "" any."""
        listed = [token_id] if token_id else self._model.calendar.by_token
        for wanted in listed:
            market = None if wanted in connection.tokens else self._model.market(wanted, now_ms())
            if market is not None:
                self.put(connection, opening_array([self._opening(market, wanted)]))
                return

    def _lose_change(self, connection: Connection, token_id: str) -> None:
        """Change a level far from the best of this token's market, "" for any, and tell everybody but this one.

        Nothing happens when the connection gets no data of such a market.
        """
        for subscribed in connection.tokens:
            market = self._model.market(subscribed, now_ms())
            if market is not None and token_id in ("", *market.listing.token_ids):
                self._deliver(market.change_deep(now_ms()), but=connection)
                return

    async def run(self) -> None:
        """Keep time until cancelled: due frames every 10 ms, windows and idle connections every second."""
        last = housekeeping = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            elapsed, last = min(now - last, BACKLOG_S), now
            self._tick(elapsed)
            self.end_the_slow()
            if now - housekeeping >= 1.0:
                housekeeping = now
                self._housekeep(now)

    def _tick(self, elapsed_s: float) -> None:
        now = now_ms()
        self._deliver(self._model.advance(now))
        self._announcements_due += self._options.new_markets_per_second * elapsed_s
        while self._announcements_due >= 1:
            self._announcements_due -= 1
            self._deliver([self._model.announcement(now)])
        if self._by_market:
            rate, deadline = self._options.rate, time.monotonic() + BURST_S
            self._due = min(self._due + rate * elapsed_s, rate * BACKLOG_S)
            while self._due >= 1 and time.monotonic() < deadline:
                frames = self._model.traffic(now)
                self._due -= max(self._deliver(frames), 1)
        for connection in self.connections.values():
            connection.flush()

    def _deliver(self, frames: list[Frame], *, but: Connection | None = None) -> int:
        """Queue frames at everybody who gets them; returns how many had a taker."""
        delivered = 0
        breakable = self._faults.any_of(OF_FRAMES, time.monotonic())
        for frame in frames:
            takers = self._takers(frame)
            if takers:
                ready = self.frame(self._shaped(frame).encode())
                delivered += 1
                for connection in takers:
                    if connection is but:
                        continue
                    if breakable and self._hit(connection, frame, ready):
                        continue
                    self.queue(connection, ready)
        self.frames_made += delivered
        return delivered

    def _shaped(self, frame: Frame) -> str:
        """The text of a frame, changed by what is said of its kind and its market."""
        shapes = self._model.shapes
        if not shapes:
            return frame.text
        listing = self._model.listing(frame.condition_id)
        place = "ws_book" if frame.kind == "book" else frame.kind
        if listing is None:
            return mutated_text(frame.text, shapes.of(place))
        tokens = (frame.token_id,) if frame.token_id else listing.token_ids
        return mutated_text(frame.text, shapes.of(place, listing.slug, *tokens))

    def _takers(self, frame: Frame) -> list[Connection]:
        if frame.condition_id:
            audience: Iterable[Connection] = self._by_market.get(frame.condition_id, ())
        else:
            audience = self.connections.values()
        return [
            connection
            for connection in audience
            if (connection.flagged or not frame.flagged)
            and (not frame.token_id or frame.token_id in connection.tokens)
            and not (connection.silent or connection.pongs_only or connection.books_only)
        ]

    def _hit(self, connection: Connection, frame: Frame, ready: Outgoing) -> bool:
        """Whether a fault withholds this frame from this connection."""
        now, number = time.monotonic(), connection.number
        if self._faults.take("freeze", now, connection=number):
            return True
        for token_id in connection.tokens:
            listing = self._model.calendar.by_token.get(token_id)
            if listing is None or listing.condition_id != frame.condition_id:
                continue
            if self._faults.take("mute", now, connection=number, token=token_id):
                return True
        if frame.kind == "price_change" and self._faults.take("drop", now, connection=number):
            return True
        connection.frames_due += 1
        if self._faults.take_all("withhold", now, connection.is_withheld):
            return True
        slow = self._faults.take("slow", now, connection=number)
        if slow:
            connection.dribble(ready, slow.delay_seconds)
        return slow is not None

    def _housekeep(self, now_s: float) -> None:
        self._model.roll(now_ms())
        self._model.set_shapes(self._faults.active(now_s))
        self.route()
        self.cut_the_idle(now_s)
        for connection in list(self.connections.values()):
            if connection.live and connection.tokens and not self._any_active(connection):
                self.background(connection.close(1000, "all subscribed assets resolved"))

    def _any_active(self, connection: Connection) -> bool:
        known = [token_id for token_id in connection.tokens if token_id in self._model.calendar.by_token]
        return not known or any(self._model.market(token_id, now_ms()) for token_id in known)
