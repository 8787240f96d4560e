"""Which outcome the recorded prices make a window end with, by the rule of the up/down windows; or why they do not.

The rule: the average over the last minute (TWAP) at the end of the window, at least the price at its beginning: the
first outcome wins. A price is one of the source's own seconds: what it says at the boundary, not what arrived then.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Literal

import msgspec

from common.core.instants import NS_PER_SECOND

AVERAGED_NS = 60 * NS_PER_SECOND
BOUNDARY_NS = NS_PER_SECOND  # a boundary's price may be so old: the source speaks once a second
LONGEST_PAUSE_NS = 3 * NS_PER_SECOND  # in a minute that we average ourselves
NEEDED_NS = AVERAGED_NS + LONGEST_PAUSE_NS  # before a boundary

PriceSource = Literal["told_average", "own_average", "exchange"]


class Settled(msgspec.Struct, frozen=True):
    """A price at a boundary and where it is from.

    `told_average` is the source's own average, `own_average` one that we made of the source's plain prices, `exchange`
    is the price to beat as the exchange states it.
    """

    value: Decimal
    source: PriceSource


class Unknown(msgspec.Struct, frozen=True):
    """Why something cannot be recomputed."""

    reason: str


class Points(msgspec.Struct, frozen=True):
    """The prices of one coin by the source's own time (ns): its averages over a minute, and its plain prices."""

    averages: Mapping[int, Decimal]
    plain: Mapping[int, Decimal]
    contradicted: frozenset[int] = frozenset()  # instants of which it said two things


def points(told: Iterable[tuple[int, Decimal, bool]]) -> Points:
    """Sort prices, each with its instant and whether it is an average. A repeated one counts once."""
    averages: dict[int, Decimal] = {}
    plain: dict[int, Decimal] = {}
    contradicted: set[int] = set()
    for at_ns, value, is_average in told:
        kept = averages if is_average else plain
        if kept.setdefault(at_ns, value) != value:
            contradicted.add(at_ns)
    return Points(averages, plain, frozenset(contradicted))


def settling_price(prices: Points, at_ns: int) -> Settled | Unknown:
    """What settles at a boundary: the source's average then, or else one made of its plain prices of the minute."""
    told = [each for each in prices.averages if at_ns - BOUNDARY_NS < each <= at_ns]
    if told:
        newest = max(told)
        if newest in prices.contradicted:
            return Unknown("the source told two prices for one instant")
        return Settled(prices.averages[newest], "told_average")
    return _own_average(prices, at_ns)


def _own_average(prices: Points, at_ns: int) -> Settled | Unknown:
    """Each price holds until the next one. Refused where a pause in the minute is longer than the source ever makes."""
    wanted = sorted(each for each in prices.plain if at_ns - NEEDED_NS < each <= at_ns)
    if not wanted:
        return Unknown("no settlement price is recorded in the minute before")
    if not prices.contradicted.isdisjoint(wanted):
        return Unknown("the source told two prices for one instant")
    begins_ns = at_ns - AVERAGED_NS
    before = [each for each in wanted if each <= begins_ns]
    inside = [each for each in wanted if each > begins_ns]
    edges = [max(before, default=begins_ns - NEEDED_NS), *inside, at_ns]
    longest_ns = max(later - earlier for earlier, later in pairwise(edges))
    if longest_ns > LONGEST_PAUSE_NS:
        return Unknown(f"a pause of {longest_ns / NS_PER_SECOND:.0f} s lies in the minute that is averaged")
    held = zip([begins_ns, *inside], [*inside, at_ns], edges, strict=False)
    total = sum(((later - earlier) * prices.plain[price_at] for earlier, later, price_at in held), Decimal(0))
    return Settled(total / AVERAGED_NS, "own_average")


def winner_of(
    strike: Settled | Unknown, final: Settled | Unknown, outcomes: tuple[str, ...]
) -> str | Unknown:
    """The outcome that wins by these prices."""
    if len(outcomes) != 2:
        return Unknown(f"the rule is about two outcomes, and this market has {len(outcomes)}")
    if isinstance(strike, Unknown):
        return Unknown(f"at the beginning: {strike.reason}")
    if isinstance(final, Unknown):
        return Unknown(f"at the end: {final.reason}")
    return outcomes[0] if final.value >= strike.value else outcomes[1]
