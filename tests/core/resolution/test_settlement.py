from decimal import Decimal

import pytest

from common.core.instants import NS_PER_SECOND
from common.core.resolution.settlement import Settled, Unknown, points, settling_price, winner_of

NOON = 1_900_000_800 * NS_PER_SECOND
UP_DOWN = ("Up", "Down")


def seconds(
    first: int, last: int, value: str = "100", *, average: bool = False
) -> list[tuple[int, Decimal, bool]]:
    """A price a second, from and to so many seconds after noon."""
    return [(NOON + at * NS_PER_SECOND, Decimal(value), average) for at in range(first, last + 1)]


def test_the_source_s_own_average_at_the_boundary_settles() -> None:
    told = points([*seconds(-3, 3, "100.25", average=True), *seconds(-70, 3, "99")])
    assert settling_price(told, NOON) == Settled(Decimal("100.25"), "told_average")


def test_without_its_average_the_plain_prices_of_the_whole_minute_are_averaged_by_the_time_that_they_held() -> (
    None
):
    told = points([*seconds(-61, -31, "100"), *seconds(-30, 0, "103")])
    assert settling_price(told, NOON) == Settled(Decimal("101.5"), "own_average")


def test_a_price_of_before_the_minute_counts_only_for_its_part_in_it() -> None:
    early = [(NOON - 61 * NS_PER_SECOND, Decimal(70), False)]
    found = settling_price(points([*early, *seconds(-59, 0, "10")]), NOON)
    assert found == Settled((Decimal(70) + 59 * Decimal(10)) / 60, "own_average")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ([], "no settlement price is recorded in the minute before"),
        (seconds(1, 30), "no settlement price is recorded in the minute before"),
        ([*seconds(-62, -30), *seconds(-26, 0)], "a pause of 4 s lies in the minute"),
        (seconds(-62, -4), "a pause of 4 s lies in the minute"),
        (seconds(-50, 0), "lies in the minute that is averaged"),
        ([*seconds(-62, 0), *seconds(-5, -5, "101")], "told two prices for one instant"),
        (
            [*seconds(0, 0, average=True), *seconds(0, 0, "101", average=True)],
            "told two prices for one instant",
        ),
    ],
)
def test_what_is_missing_or_contradicts_itself_in_the_needed_minute_is_said(
    told: list[tuple[int, Decimal, bool]], reason: str
) -> None:
    found = settling_price(points(told), NOON)
    assert isinstance(found, Unknown)
    assert reason in found.reason


def test_prices_outside_of_the_needed_minute_may_have_gaps_and_repeats() -> None:
    told = points([*seconds(-900, -800), *seconds(-62, 0), *seconds(-62, 0)])
    assert settling_price(told, NOON) == Settled(Decimal(100), "own_average")


@pytest.mark.parametrize(
    ("strike", "final", "winner"), [("1", "1", "Up"), ("1", "1.1", "Up"), ("1.1", "1", "Down")]
)
def test_at_least_the_price_of_the_beginning_is_up(strike: str, final: str, winner: str) -> None:
    prices = [Settled(Decimal(each), "told_average") for each in (strike, final)]
    assert winner_of(prices[0], prices[1], UP_DOWN) == winner


def test_without_a_price_there_is_no_winner_but_a_reason() -> None:
    known, unknown = Settled(Decimal(1), "exchange"), Unknown("nothing came")
    assert winner_of(unknown, known, UP_DOWN) == Unknown("at the beginning: nothing came")
    assert winner_of(known, unknown, UP_DOWN) == Unknown("at the end: nothing came")
    found = winner_of(known, known, ("a", "b", "c"))
    assert isinstance(found, Unknown)
