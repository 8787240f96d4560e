"""A simulated market: its ladder follows a fair price; changes, trades and repeats come out as frames."""

from random import Random

from common.simulation.markets import frames
from common.simulation.markets.book import ONE, Book
from common.simulation.markets.frames import Change, Frame
from common.simulation.markets.listing import Listing

REACH_TICKS = 8  # how far the ladder follows its fair price in one batch
REPEAT_MS = 120  # a repeated frame follows its original within this time
DEEP_SIZE = 2_000_000  # hundredths: more than any other level offers, so that the book is sure to change
DENSE_TICKS = 20  # a new ladder has a level at each tick so far from the best, beyond that at each cent
CENT = ONE // 100
FINER_TICKS = {CENT: 10, CENT // 2: 10, CENT // 4: 1}  # near 0 and 1; levels of the old tick stay on the grid
NEAR_THE_END = 4 * CENT
AHEAD_MS = 50  # how far timestamps may run ahead of the clock so that each batch has its own


class SimulatedMarket:
    """One market from its listing to its settlement; pure but for the generator that it is given."""

    def __init__(self, listing: Listing, chance: Random, fair: int, now_ms: int) -> None:
        self.listing = listing
        self.settled = False
        self._chance = chance
        self._wide = chance.random() < 0.5
        self._repeat: Frame | None = None
        self._repeat_ms = 0
        self._deep_changes = 0
        self.book = book = Book(
            listing.condition_id,
            listing.token_ids,
            now_ms,
            tick=listing.tick,
            neg_risk=listing.event.neg_risk,
            version="" if listing.protocol == "v1" else listing.protocol,
        )
        best = self._target(fair)
        for price in _first_prices(book.tick, best):
            (book.bids if price <= best else book.asks).put(price, self._size())

    def group(self, now_ms: int, fair: int) -> list[Frame]:
        """What the engine does next: one batch of changes with all the frames that it causes, in order."""
        if self.settled:
            return []
        made = self.repeats(now_ms, at_once=True)
        self._stamp(now_ms)
        made += self._refine_tick()
        changes = self._move(self._target(fair))
        trades = not changes and self._chance.random() < 0.06
        if not changes:
            changes = [self._trade()] if trades else self._plain()
        before = self.book.best(0)
        old_trade = self._apply_trade(changes[0]) if trades else None
        for change in changes:
            self._put(change)
        made += self._batch(now_ms, changes, moved=self.book.best(0) != before)
        if old_trade is not None:
            made += [frames.refresh(self.book, 0), frames.refresh(self.book, 1), old_trade]
        return made

    def repeats(self, now_ms: int, *, at_once: bool = False) -> list[Frame]:
        """The routine duplicate that is due; `at_once` fetches it before the next batch overtakes it."""
        if self._repeat is None or not (at_once or now_ms >= self._repeat_ms):
            return []
        frame, self._repeat = self._repeat, None
        return [frame]

    def change_deep(self, now_ms: int) -> list[Frame]:
        """One level changes that is so far from the best that hardly anything will touch it again."""
        made = self.repeats(now_ms, at_once=True)
        self._stamp(now_ms)
        bid = len(self.book.bids) >= len(self.book.asks)
        *_, worst = (self.book.bids if bid else self.book.asks).from_best()
        self._deep_changes += 1
        change = Change(bid=bid, price=worst, size=DEEP_SIZE + self._deep_changes)
        self._put(change)
        return made + frames.price_changes(self.book, [[change]], wide=self._wide, swapped=False)

    def settle(self, now_ms: int, winner: int) -> list[Frame]:
        """The end: every level goes to zero in one batch, then market_resolved, then silence."""
        made = self.repeats(now_ms, at_once=True)
        self._stamp(now_ms)
        bids = [Change(bid=True, price=price, size=0) for price in self.book.bids.from_best()]
        asks = [Change(bid=False, price=price, size=0) for price in self.book.asks.from_best()]
        for change in bids + asks:
            self._put(change)
        parts = [side[at : at + 10] for side in (bids, asks) for at in range(0, len(side), 10)]
        made += frames.price_changes(self.book, parts, wide=self._wide, swapped=False)
        self.settled = True
        return [*made, frames.market_resolved(self.listing, winner, self.book.changed_ms)]

    def _batch(self, now_ms: int, changes: list[Change], *, moved: bool) -> list[Frame]:
        made = [frames.best_bid_ask(self.book, leg) for leg in (0, 1)] if moved else []
        portion = self._chance.choice((1, 2, 3))
        parts = [changes[at : at + portion] for at in range(0, len(changes), portion)]
        made += frames.price_changes(self.book, parts, wide=self._wide, swapped=False)
        if self._chance.random() < 0.03:
            swapped = self._chance.random() < 0.3
            self._repeat = frames.price_changes(self.book, parts[-1:], wide=self._wide, swapped=swapped)[0]
            self._repeat_ms = now_ms + self._chance.randrange(REPEAT_MS)
        return made

    def _stamp(self, now_ms: int) -> None:
        last = self.book.changed_ms
        self.book.changed_ms = max(last, min(max(now_ms, last + 1), now_ms + AHEAD_MS))

    def _put(self, change: Change) -> None:
        (self.book.bids if change.bid else self.book.asks).put(change.price, change.size)

    def _size(self) -> int:
        hundredths = int(self._chance.paretovariate(1.1) * 500)
        return (
            min(hundredths, 1_100_000)
            if self._chance.random() < 0.5
            else max(hundredths // 100, 5) % 5000 * 100
        )

    def _target(self, fair: int) -> int:
        """The best bid that suits the fair price, on the tick grid, with room for an ask above."""
        tick = self.book.tick
        return min(max(fair // tick * tick, tick), ONE - 2 * tick)

    def _refine_tick(self) -> list[Frame]:
        bid, ask = self.book.best(0)
        if bid < ONE - NEAR_THE_END and ask > NEAR_THE_END:
            return []
        old, finer = self.book.tick, FINER_TICKS.get(self.book.tick)
        if finer is None:
            return []
        self.book.tick = finer
        made = [frames.tick_size_change(self.book, leg, old) for leg in (0, 1)]
        self.book.changed_ms += 1  # the state after it has an instant of its own
        return made

    def _move(self, target: int) -> list[Change]:
        """The batch that brings the best prices towards the target; empty when they are there."""
        book, tick = self.book, self.book.tick
        bid, ask = book.best(0)
        reach = REACH_TICKS * tick
        target = min(max(target, bid - reach), bid + reach)
        gone = [Change(bid=True, price=price, size=0) for price in _above(book, target)]
        gone += [Change(bid=False, price=price, size=0) for price in _at_or_below(book, target)]
        bids = range(min(bid + tick, target), target + 1, tick)
        asks = range(target + tick, max(ask, target + 2 * tick), tick)
        new = [Change(bid=True, price=price, size=self._size()) for price in bids if price not in book.bids]
        new += [Change(bid=False, price=price, size=self._size()) for price in asks if price not in book.asks]
        return gone + new

    def _plain(self) -> list[Change]:
        count = self._chance.choice((1, 1, 1, 1, 1, 1, 2, 3, 5))
        by_level = {(change.bid, change.price): change for change in (self._one() for _ in range(count))}
        return list(by_level.values())

    def _one(self) -> Change:
        """One level near the best changes, comes or goes; the best itself stays."""
        bid = self._chance.random() < 0.5
        ladder = self.book.bids if bid else self.book.asks
        best, tick = ladder.best or ONE // 2, self.book.tick
        distance = min(int(self._chance.expovariate(0.3)), 40) * tick
        price = min(max(best - distance if bid else best + distance, tick), ONE - tick)
        goes = price != best and price in ladder and self._chance.random() < 0.15
        return Change(bid=bid, price=price, size=0 if goes else self._size())

    def _trade(self) -> Change:
        """A taker empties a part of the best level, sometimes all of it when there is one behind."""
        bid = self._chance.random() < 0.5
        ladder = self.book.bids if bid else self.book.asks
        whole = len(ladder) > 1 and self._chance.random() < 0.3
        return Change(bid=bid, price=ladder.best or ONE // 2, size=0 if whole else self._size())

    def _apply_trade(self, change: Change) -> Frame:
        """A trade's announcement; its price enters the last trade, and so the hashes, before it is sent."""
        leg = int(self._chance.random() < 0.5)
        price = ONE - change.price if leg else change.price
        self.book.note_trade(price)
        return frames.last_trade_price(
            self.book,
            leg,
            price=price,
            size=self._size(),
            buy=change.bid == bool(leg),
            transaction=f"0x{self._chance.getrandbits(256):064x}",
        )


def _first_prices(tick: int, best: int) -> list[int]:
    """The levels of a new ladder: about a hundred, whatever the tick."""
    cents = range(CENT, ONE, CENT)
    around = range(max(best - DENSE_TICKS * tick, tick), min(best + DENSE_TICKS * tick, ONE - tick) + 1, tick)
    return sorted({*cents, *around})


def _above(book: Book, target: int) -> list[int]:
    prices = []
    for price in book.bids.from_best():
        if price <= target:
            break
        prices.append(price)
    return prices


def _at_or_below(book: Book, target: int) -> list[int]:
    prices = []
    for price in book.asks.from_best():
        if price > target:
            break
        prices.append(price)
    return prices
