"""A recording that has everything a format must cope with, its true books, and what is compared with them.

Two legs, both protocols, outages of one leg and of both at once, over the end of an hour.
"""

import random
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from common.archive.formats.account import HourAccount
from common.archive.formats.once import HourWanted
from common.archive.formats.run import NAMES, Shard, export_hours, hours_of
from common.archive.formats.sources import Sources
from common.archive.replay import read_archive, replay
from common.core.events.market_events import LastTrade
from common.core.formats.moments import Gaps
from common.simulation.markets.windows import SERIES
from tests.archive.legs import Hearing, record
from tests.archive.markets import World, tokens_at

HOUR_S = 1_795_003_200
FIVE_MINUTES = (SERIES[0], SERIES[2], SERIES[4])  # a series of each coin: the last has a finer tick
WORLD = World(tokens_at(HOUR_S - 300, FIVE_MINUTES), (HOUR_S - 7) * 1000, 200)  # 14 s over the end of an hour
COUNT = len(WORLD.messages)
A = Hearing(outages=[(60, 110), (COUNT // 2, COUNT // 2 + 30)])
B = Hearing("b", outages=[(80, 140), (COUNT - 60, COUNT - 40)], late_ms=35)
INSTANTS = 1000

Levels = Mapping[tuple[str, Decimal], Decimal]
Known = tuple[int, Levels | None]  # from this instant on
Timeline = Sequence[Known]


def recording(root: Path) -> Path:
    record(root, WORLD, A)
    record(root, WORLD, B)
    return root


def exported(root: Path, output: Path, name: str, gaps: Gaps, *, jobs: int = 1) -> list[HourAccount]:
    """Every hour, in order."""
    sources = Sources([root])
    accounts: list[HourAccount] = []
    wanted = [HourWanted(hour, gaps) for hour in hours_of(sources, 0, 1 << 62, Shard())]
    export_hours(sources, output, name, wanted, jobs=jobs, done=lambda hour: accounts.append(hour.account))
    assert len(accounts) == 2
    assert name in NAMES
    return accounts


def levels(bids: Sequence[Sequence[str]], asks: Sequence[Sequence[str]]) -> Levels:
    sided = [("BUY", *level) for level in bids] + [("SELL", *level) for level in asks]
    return {(side, Decimal(price)): Decimal(size) for side, price, size in sided if Decimal(size)}


class Ours(msgspec.Struct):
    """What a replay gives: each token's book over time, and its trades."""

    books: dict[str, list[Known]]
    trades: dict[str, Counter[tuple[Decimal, Decimal, str]]]

    def times(self, token_id: str, seed: int = 7) -> list[int]:
        """Random instants from before the first row to after the last one."""
        first, last = self.books[token_id][0][0], self.books[token_id][-1][0]
        chance = random.Random(seed)
        return [chance.randrange(first - 10**9, last + 10**9) for _ in range(INSTANTS)]


def ours(root: Path, *, together: bool = False) -> Ours:
    """What is known when: token by token, or `together`, up to the first row of any token that came later."""
    newest_ns = 0
    found = Ours(defaultdict(list), defaultdict(Counter))
    for step in replay(read_archive(root)):
        newest_ns = max(newest_ns, step.row.received_at_ns)
        voided = () if step.broken is None else step.broken.token_ids or ()
        for token_id in {*step.token_ids, *voided}:
            timeline = found.books[token_id]
            before_ns = timeline[-1][0] if timeline else 0
            at_ns = newest_ns if together else max(step.row.received_at_ns, before_ns)
            book = step.books.get(token_id)
            timeline.append((at_ns, None if book is None else levels(book.bids, book.asks)))
        if isinstance(step.event, LastTrade):
            trade = Decimal(step.event.price), Decimal(step.event.size), step.event.side
            found.trades[step.event.token_id][trade] += 1
    assert sum(book is None for _, book in found.books[WORLD.tokens[0].token_id]) >= 2
    assert set(found.books) == {token.token_id for token in WORLD.tokens}
    return found


def at(timeline: Timeline, instant: int) -> Levels | None:
    """An empty book is not told from one that is not known."""
    index = bisect_right(timeline, instant, key=lambda known: known[0])
    return (timeline[index - 1][1] or None) if index else None


def stretches(accounts: Sequence[HourAccount], token_id: str) -> Iterator[tuple[int, int]]:
    """When the token's book is known, as the accounts state."""
    for account in accounts:
        for token in account.tokens:
            if token.token_id == token_id:
                yield from ((each.from_ns, each.until_ns) for each in token.stretches)


def differences(
    truth: Ours,
    theirs: Mapping[str, Timeline],
    unit_ns: int,
    accounts: Sequence[HourAccount] = (),
) -> list[str]:
    """Where the books of a file, whose times are whole `unit_ns`, are others than ours; none is expected.

    With `accounts`, only what lies in the stretches that they state is taken from the files.
    """
    wrong = []
    for token_id in truth.books:
        known = list(stretches(accounts, token_id))
        compared = 0
        for instant in truth.times(token_id):
            end_ns = instant // unit_ns * unit_ns + unit_ns - 1
            expected = at(truth.books[token_id], end_ns)
            found = at(theirs[token_id], instant // unit_ns)
            if accounts and not any(first <= end_ns < last for first, last in known):
                found = None
            compared += expected is not None
            if found != expected:
                wrong.append(f"{token_id[:8]} at {instant}: {found} is not {expected}")
        assert compared > INSTANTS // 2
    return wrong
