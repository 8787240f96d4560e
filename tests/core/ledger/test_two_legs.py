"""The parts of a ledger of two legs by themselves: pairs, skews, what is withheld, and books that one leg proves."""

import pytest

from common.core.audit.results import Result, Verdict
from common.core.events.market_events import LevelChange, PriceChange
from common.core.ledger.skew import Skews
from common.core.ledger.standing import BookStanding, sound, unhealed, wrong_seconds
from common.core.ledger.token_pairs import Received, TokenPairs
from common.core.merging.coverage import LATE_NS, LegCoverage

MS = 1_000_000
SECOND = 1_000 * MS
SINCE = 1_700_000_000 * SECOND


@pytest.mark.parametrize(
    ("skews_ms", "half", "nearly_all"),
    [
        ([3] * 99 + [900], 3, 3),
        ([3, 4, 5], 4, 5),
        ([-70], 70, 70),
        ([1234], 1200, 1200),
        ([99, 100], 99, 100),
    ],
)
def test_skews_are_exact_to_two_digits(skews_ms: list[int], half: int, nearly_all: int) -> None:
    skews = Skews()
    for each in skews_ms:
        skews.add(each * MS)
    assert (skews.quantile_ms(0.5), skews.quantile_ms(0.99)) == (half, nearly_all)
    assert Skews().quantile_ms(0.5) is None


class Legs:
    """Two connected legs of the token `1`, of which the first proves what it is told."""

    def __init__(self) -> None:
        self.a, self.b, self.sequence = LegCoverage(), LegCoverage(), 0
        for leg in (self.a, self.b):
            leg.subscribe("c", "1", SINCE, afresh=False)
        self.pairs = TokenPairs("1", self.a, self.b)

    def a_proves(self, second: float) -> None:
        self.sequence += 1
        at_ns = SINCE + round(second * SECOND)
        event = PriceChange("0xm", at_ns // MS, (LevelChange("1", "0.5", "1", "BUY"),))
        self.a.message("c", self.sequence, at_ns, [event])


def received(second: float, *, is_proof: bool = True) -> Received:
    at_ns = SINCE + round(second * SECOND)
    return Received(("1",), at_ns, at_ns, at_ns if is_proof else 0)


def test_what_is_withheld_is_a_loss_from_the_proof_before_it_to_the_next_one() -> None:
    legs = Legs()
    for second in (1, 2, 10, 20):
        legs.a_proves(second)
    legs.pairs.take(received(2), received(2), doubtful=False)
    for second in (5, 6):
        legs.pairs.take(None, received(second), doubtful=False)
    legs.pairs.take(None, received(7), doubtful=True)
    legs.pairs.take(None, received(8, is_proof=False), doubtful=False)
    legs.pairs.take(received(10), received(10), doubtful=False)
    legs.pairs.finish(SINCE + 60 * SECOND)
    assert (legs.pairs.both, legs.pairs.only_b, legs.pairs.doubtful) == (2, 4, 1)
    assert legs.pairs.withheld_a.messages == 3, "a doubtful message is not held against a leg"
    assert legs.pairs.withheld_a.losses == [(SINCE + 2 * SECOND + 1, SINCE + 10 * SECOND - 1)]
    assert legs.pairs.withheld_b.losses == []


def test_whether_it_is_withheld_may_be_known_only_when_the_leg_goes_on() -> None:
    legs = Legs()
    legs.a_proves(1)
    legs.pairs.take(received(1), received(1), doubtful=False)
    legs.pairs.take(None, received(5), doubtful=False)
    assert legs.pairs.withheld_a.messages == 0
    legs.a_proves(5 + 2 * LATE_NS / SECOND)
    legs.pairs.finish(SINCE + 60 * SECOND)
    assert legs.pairs.withheld_a.messages == 1
    assert legs.pairs.withheld_a.losses == [(SINCE + SECOND + 1, SINCE + 60 * SECOND)]


def test_what_a_leg_did_not_get_because_it_was_cut_is_not_withheld() -> None:
    legs = Legs()
    legs.a_proves(1)
    legs.pairs.take(None, received(5), doubtful=False)
    legs.a.end("c", "1", None)
    legs.pairs.finish(SINCE + 60 * SECOND)
    assert (legs.pairs.only_b, legs.pairs.withheld_a.messages) == (1, 0)


def standing(*results: tuple[Verdict, int, int]) -> BookStanding:
    """Of verdicts, each at a second and wrong for so many seconds."""
    found = BookStanding()
    for verdict, second, wrong_s in results:
        found.take(Result("hash", verdict, "1", second * 1000, wrong_ms=wrong_s * 1000))
    return found


def test_a_divergence_is_healed_where_the_other_legs_book_is_proved_and_nothing_of_it_is_missing() -> None:
    b = standing(
        ("agree", 10, 0), ("agree", 20, 0), ("divergence", 25, 0), ("agree", 30, 0), ("agree", 40, 0)
    )
    assert b.proved("1") == [(10 * SECOND, 20 * SECOND), (30 * SECOND, 40 * SECOND)]
    whole = sound(b, "1", [(0, 100 * SECOND)])
    assert [unhealed([second * 1000], whole) for second in (9, 10, 15, 22, 35)] == [1, 0, 0, 1, 0]
    assert unhealed([15_000], sound(b, "1", [(16 * SECOND, 100 * SECOND)])) == 1
    assert unhealed([15_000], []) == 1


def test_a_book_was_wrong_while_no_leg_is_proved_right() -> None:
    a = standing(("agree", 10, 0), ("healed", 20, 8), ("agree", 29, 0), ("agree", 50, 0))
    b = standing(("agree", 10, 0), ("agree", 24, 0), ("healed", 40, 2))
    everything = [(0, 100 * SECOND)]
    sound_a, sound_b = sound(a, "1", everything), sound(b, "1", everything)
    assert wrong_seconds(a, b, "1", sound_a, sound_b) == pytest.approx(4, abs=0.01)
    assert wrong_seconds(a, b, "1", [], []) == 10
