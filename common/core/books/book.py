"""The order book of one token, rebuilt from what the exchange said: exact texts in exact order.

There is no book without a snapshot. Per token the exchange sends snapshots and changes in the order of their times, and
repeats some of them a little later: what states a time and a hash that were stated before is left alone. A snapshot
that was not is the book from there on, whatever its time.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from operator import lt

import msgspec

from common.core.decimal_text import is_zero, normal, scaled
from common.core.events.market_events import BookSnapshot, Level, LevelChange

_WRITTEN_KEPT = 4096  # texts: more than a whole book has

_STATES_KEPT = 128  # repeats come within 120 ms: that is more than the busiest book states in a second
REPEATS_MS = 300  # what was told before the first snapshot is repeated within 120 ms, and no older than this

PriceSize = tuple[str, str]
_NO_KEYS: Mapping[str, str] = {}


class Depth(msgspec.Struct, frozen=True):
    """The best levels of each side as (price, size), the best first."""

    bids: tuple[PriceSize, ...]
    asks: tuple[PriceSize, ...]


class Ladder:
    """The levels of one side, the worst first."""

    def __init__(self, *, descending: bool) -> None:
        self._sign = -1 if descending else 1
        self._keys: list[int] = []
        self._levels: list[PriceSize] = []
        self._texts: list[str] | None = (
            None  # of the levels; None: nobody has asked for them since a snapshot
        )
        self._json: str | None = None

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def levels(self) -> Sequence[PriceSize]:
        """The levels as (price, size), the worst first. Valid until the next change."""
        return self._levels

    @property
    def best(self) -> str | None:
        """The best price, None when the side is empty."""
        return self._levels[-1][0] if self._levels else None

    @property
    def json(self) -> str:
        """The levels as the exchange writes them into the text that it hashes, without brackets."""
        if self._json is None:
            if self._texts is None:
                self._texts = [_level_json(*level) for level in self._levels]
            self._json = ",".join(self._texts)
        return self._json

    def written_as(self, others: Mapping[str, str]) -> "Ladder":
        """A copy, to be hashed only, with other texts for some prices and sizes."""
        ladder = copy(self)
        ladder._json = ",".join(  # noqa: SLF001  (its own class)
            _level_json(others.get(price, price), others.get(size, size)) for price, size in self._levels
        )
        return ladder

    def copied(self) -> "Ladder":
        """A copy that does not change."""
        ladder = copy(self)
        ladder._keys, ladder._levels, ladder._texts = [*self._keys], [*self._levels], None  # noqa: SLF001
        return ladder

    def sizes(self) -> dict[str, str]:
        """Size by price, both texts."""
        return dict(self._levels)

    def replace(self, levels: Sequence[Level]) -> None:
        """Hold these levels and no others, whatever their order. Of a price that comes twice the last counts."""
        sign = self._sign
        self._keys = [sign * scaled(level.price) for level in levels]
        self._levels = [(level.price, level.size) for level in levels]
        in_order = all(map(lt, self._keys, self._keys[1:]))  # as the exchange sends them
        if not in_order or any(map(is_zero, [level.size for level in levels])):
            kept = dict(zip(self._keys, self._levels, strict=True))
            self._keys = sorted(key for key, (_, size) in kept.items() if not is_zero(size))
            self._levels = [kept[key] for key in self._keys]
        self._texts = self._json = None

    def put(self, price: str, size: str) -> None:
        """Set the size of a price; 0 removes the level."""
        key = self._sign * scaled(price)
        at = bisect_left(self._keys, key)
        known = at < len(self._keys) and self._keys[at] == key
        self._json = None
        texts = self._texts
        if is_zero(size):
            if known:
                del self._keys[at], self._levels[at]
                if texts is not None:
                    del texts[at]
        elif known:
            self._levels[at] = price, size
            if texts is not None:
                texts[at] = _level_json(price, size)
        else:
            self._keys.insert(at, key)
            self._levels.insert(at, (price, size))
            if texts is not None:
                texts.insert(at, _level_json(price, size))


class Book:
    """One token's book. `timestamp_ms` and `hash` are those that the exchange gave to its present state.

    `market` is the id as the snapshot spelled it. `extra` maps the other keys of its snapshots, `version` among
    them, to their JSON: the newest value of each. It is replaced when one changes, never modified. `written` maps
    normal texts to the unusual ones that the exchange wrote in their place since the last snapshot.
    """

    def __init__(self, snapshot: BookSnapshot) -> None:
        self.market = snapshot.market
        self.token_id = snapshot.token_id
        self.timestamp_ms = 0
        self.hash = ""
        self.tick_size = ""  # not known before an opening snapshot or a checkpoint tells
        self.extra = _NO_KEYS
        self.written: dict[str, str] = {}
        self._states: deque[tuple[int, str]] = deque(maxlen=_STATES_KEPT)
        self._first_ms = snapshot.timestamp_ms
        self.bid_ladder = Ladder(descending=False)
        self.ask_ladder = Ladder(descending=True)
        self.apply_snapshot(snapshot)

    @property
    def bids(self) -> tuple[PriceSize, ...]:
        """All bids as (price, size), ascending: the best is the last."""
        return tuple(self.bid_ladder.levels)

    @property
    def asks(self) -> tuple[PriceSize, ...]:
        """All asks as (price, size), descending: the best is the last."""
        return tuple(self.ask_ladder.levels)

    @property
    def best_bid(self) -> str | None:
        """The highest price that is bid, None when nothing is."""
        return self.bid_ladder.best

    @property
    def best_ask(self) -> str | None:
        """The lowest price that is asked, None when nothing is."""
        return self.ask_ladder.best

    def depth(self, levels: int) -> Depth:
        """The best `levels` levels of each side, the best first."""
        bids, asks = self.bid_ladder.levels, self.ask_ladder.levels
        return Depth(tuple(reversed(bids[-levels:])), tuple(reversed(asks[-levels:])))

    def apply_snapshot(self, snapshot: BookSnapshot) -> bool:
        """Hold what the snapshot holds. False: it repeats an older state, and nothing changed."""
        state = (snapshot.timestamp_ms, snapshot.hash)
        if snapshot.timestamp_ms < self.timestamp_ms and state in self._states:
            return False
        self._states.append(state)
        self.bid_ladder.replace(snapshot.bids)
        self.ask_ladder.replace(snapshot.asks)
        self.timestamp_ms, self.hash = snapshot.timestamp_ms, snapshot.hash
        self.written = {}
        self.market = snapshot.market
        if snapshot.tick_size:
            self.tick_size = snapshot.tick_size
        if snapshot.version is not None:
            self.note_extra({"version": msgspec.json.encode(snapshot.version).decode()})
        if snapshot.extra:
            self.note_extra(dict(snapshot.extra))
        return True

    def with_levels_kept(self) -> "Book":
        """A copy whose levels do not change."""
        book = copy(self)
        book.bid_ladder, book.ask_ladder = self.bid_ladder.copied(), self.ask_ladder.copied()
        return book

    def written_otherwise(self) -> Iterator["Book"]:
        """The same book with other texts for its values: the exchange may hash those. Seldom there is any."""
        texts = {
            text for ladder in (self.bid_ladder, self.ask_ladder) for level in ladder.levels for text in level
        }
        for others in (self.written, {text: normal(text) for text in texts if normal(text) != text}):
            if others:
                book = copy(self)
                book.bid_ladder, book.ask_ladder = (
                    ladder.written_as(others) for ladder in (self.bid_ladder, self.ask_ladder)
                )
                yield book

    def note_written(self, texts: Iterable[tuple[str, str]]) -> None:
        """What was written in place of normal texts."""
        self.written.update(texts)
        if len(self.written) > _WRITTEN_KEPT:
            self.written.clear()

    def note_extra(self, values: Mapping[str, str]) -> None:
        """The JSON of keys that a snapshot has, or whose value a hash proved."""
        if any(self.extra.get(key) != value for key, value in values.items()):
            self.extra = {**self.extra, **values}

    def apply_change(self, change: LevelChange, timestamp_ms: int) -> bool:
        """Change one level. False: the change is older than the book, and nothing changed."""
        if timestamp_ms < self.timestamp_ms:
            return False
        stated = change.hash or ""
        if stated != self.hash or timestamp_ms != self.timestamp_ms:
            self._states.append((timestamp_ms, stated))
            self.timestamp_ms, self.hash = timestamp_ms, stated
        ladder = self.bid_ladder if change.side == "BUY" else self.ask_ladder
        ladder.put(change.price, change.size)
        return True

    def is_repeat(self, timestamp_ms: int, stated_hash: str) -> bool:
        """Whether something that is older than the book states what the book has held already, or held at first."""
        before_ms = self._first_ms - timestamp_ms
        return 0 < before_ms <= REPEATS_MS or (timestamp_ms, stated_hash) in self._states


def _level_json(price: str, size: str) -> str:
    return f'{{"price":"{price}","size":"{size}"}}'
