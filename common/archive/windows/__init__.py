"""The windows of a recording: strike, settlement, outcome as told and as recomputed, and how well they are recorded."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

from common.archive.reference_prices import reference_prices
from common.archive.replay import Instant, instant_ns
from common.archive.windows.answers import Answers, answers_of
from common.archive.windows.books import Books
from common.archive.windows.feed import Feed
from common.core.instants import NS_PER_SECOND
from common.core.reference.frames import SETTLING
from common.core.resolution.settlement import points
from common.core.resolution.window import WindowFacts, needed_span, path_of, with_prices

__all__ = ["WindowFacts", "windows"]

Root = Path | Iterable[Path]
PLAIN = "chainlink"  # what the average is of
LATE_PRICES_NS = 60 * NS_PER_SECOND  # how late a price may have come


def windows(
    root: Root, *, since: Instant = 0, until: Instant = 1 << 62, trades: bool = True
) -> tuple[WindowFacts, ...]:
    """Every window of a recording that ends from `since` on and before `until`, in the order of their ends.

    `root` is a data root, or several of them, whose closed archives and ledgers are read. Instants are nanoseconds
    since 1970 or ISO 8601 texts. Without `trades` the websocket's archives are not read, which is most of the work:
    trades are not counted then, and what its `market_resolved` frames told is not known. Raises ArchiveError where an
    archive cannot be read.
    """
    roots = (root,) if isinstance(root, Path) else tuple(root)
    since_ns, until_ns = instant_ns(since), instant_ns(until)
    answers = Answers()
    for each in roots:
        for row in answers_of(each, since_ns, until_ns):
            answers.take(row)
        answers.add_books(Books(each))
    known = [each for each in answers.windows if since_ns <= each.end_ns < until_ns]
    for each in roots if trades and known else ():
        answers.add_feed(Feed(each, known))
    told = [answers.told(each) for each in known]
    return tuple(_with_prices(roots, sorted(told, key=lambda each: (each.end_ns, each.market_slug))))


def _with_prices(roots: Iterable[Path], found: list[WindowFacts]) -> Iterator[WindowFacts]:
    if not found:
        return
    since_ns, until_ns = needed_span(found)
    # the embedded exchange averages over less than a minute, in proportion to its windows: no average of ours is its
    channels = (SETTLING,) if any(each.exchange == "simulated" for each in found) else (SETTLING, PLAIN)
    told: dict[str, list[tuple[int, Decimal, bool]]] = {each.coin: [] for each in found}
    for root in roots:
        for _, price in reference_prices(root, since=max(since_ns, 0), until=until_ns + LATE_PRICES_NS):
            if price.channel in channels and price.at_ns is not None and price.coin in told:
                told[price.coin].append((price.at_ns, price.value, price.channel == SETTLING))
    paths = {coin: path_of(points(each)) for coin, each in told.items()}
    yield from (with_prices(each, paths[each.coin]) for each in found)
