"""What a leg covers, on small cases and against worlds in which is known what nobody received."""

import random
from collections.abc import Iterator

import pytest

from common.core.events.market_events import BookSnapshot, LastTrade, LevelChange, MarketEvent, PriceChange
from common.core.merging import coverage
from common.core.merging.coverage import LATE_NS, OWN_MARGIN_NS, LegCoverage
from common.core.number_runs import Run, count, joined, without
from tests.core.merging.legs_world import END_MS, LegsWorld

MS = 1_000_000
SECOND = 1_000 * MS
SINCE = 1_700_000_000 * SECOND


def change(token_id: str, at_ns: int) -> PriceChange:
    return PriceChange("0xm", at_ns // MS, (LevelChange(token_id, "0.5", "1", "BUY"),))


def opening(token_id: str, at_ns: int) -> BookSnapshot:
    return BookSnapshot("0xm", token_id, at_ns // MS, (), (), tick_size="0.01")


class Leg:
    """One connection `c` of a leg, its messages numbered; seconds are after SINCE."""

    def __init__(self) -> None:
        self.coverage, self.sequence = LegCoverage(), 0

    def message(self, at_s: float, *events: MarketEvent) -> None:
        self.sequence += 1
        self.coverage.message("c", self.sequence, at(at_s), events)

    def changes(self, token_id: str, *at_s: float) -> None:
        for each in at_s:
            self.message(each, change(token_id, at(each)))


def at(seconds: float) -> int:
    return SINCE + round(seconds * SECOND)


def between(first_s: float, last_s: float, margin_ns: int = OWN_MARGIN_NS) -> Run:
    """What a first and a last proof enclose."""
    return (at(first_s) + margin_ns + 1, at(last_s) - LATE_NS - 1)


@pytest.fixture
def leg() -> Leg:
    """A leg that lost its connection before 10 s, and has the token `1` on another since then."""
    leg = Leg()
    leg.coverage.subscribe("b", "1", at(0), afresh=True)
    leg.coverage.end("b", "1", None)
    leg.coverage.subscribe("c", "1", at(10), afresh=True)
    return leg


def test_a_connection_covers_from_its_first_proof_and_a_margin_to_its_last(leg: Leg) -> None:
    leg.message(10.5, opening("1", at(2)))
    leg.changes("1", 11, 12, 15)
    leg.coverage.end("c", "1", None)
    assert leg.coverage.covered("1") == [between(11, 15)]
    assert leg.coverage.covered("2") == []


def test_trades_and_opening_books_prove_nothing(leg: Leg) -> None:
    trade = LastTrade("0xm", "1", at(20) // MS, "0.5", "1", "BUY")
    leg.message(10.5, opening("1", at(2)))
    leg.message(20, trade)
    leg.message(21, opening("1", at(21)))
    leg.coverage.end("c", "1", None)
    assert leg.coverage.covered("1") == []


def test_the_first_book_of_a_subscription_opens_it_even_without_the_keys_of_opening_books(leg: Leg) -> None:
    leg.message(11, BookSnapshot("0xm", "1", at(11) // MS, (), ()))
    leg.message(12, BookSnapshot("0xm", "1", at(12) // MS, (), ()))
    leg.message(13, BookSnapshot("0xm", "1", at(13) // MS, (), ()))
    leg.coverage.end("c", "1", None)
    assert leg.coverage.covered("1") == [between(12, 13)]


def test_a_quiet_token_is_covered_by_the_busy_ones_of_its_connection_with_a_wider_margin(leg: Leg) -> None:
    leg.coverage.subscribe("c", "2", at(10), afresh=True)
    leg.message(10.5, opening("1", at(2)), opening("2", at(2)))
    leg.changes("2", 11, 30)
    leg.coverage.end("c", "1", None)
    assert leg.coverage.covered("1") == [between(11, 30, LATE_NS)]


def test_a_missing_message_ends_what_is_covered_and_the_next_proof_begins_it_again(leg: Leg) -> None:
    leg.message(10.5, opening("1", at(2)))
    leg.changes("1", 11, 12)
    leg.sequence += 1
    leg.changes("1", 20, 25)
    leg.coverage.end("c", "1", None)
    assert leg.coverage.covered("1") == [between(11, 12), between(20, 25)]


def test_a_recording_covers_its_token_from_the_first_subscription_to_an_end_in_order() -> None:
    leg = Leg()
    leg.coverage.subscribe("c", "1", at(0), afresh=False)
    leg.changes("1", 5, 8)
    leg.coverage.end("c", "1", at(60))
    whole = [(at(0), at(60) - 1)]
    assert leg.coverage.covered("1") == whole
    assert leg.coverage.covered("1", gaps=[(at(50), at(70))]) == [(at(0), at(8) - LATE_NS - 1)]
    assert leg.coverage.covered("1", gaps=[(at(-9), at(-1))]) == [(at(5) + OWN_MARGIN_NS + 1, at(60) - 1)]
    assert count(leg.coverage.covered("1", losses=[(at(20), at(30) - 1)])) == 50 * SECOND


def test_a_token_that_nothing_was_heard_of_is_covered_where_its_connection_never_broke() -> None:
    leg = Leg()
    leg.coverage.subscribe("c", "1", at(0), afresh=True)
    leg.coverage.subscribe("c", "2", at(0), afresh=True)
    leg.coverage.end("c", "1", at(60))
    leg.coverage.end("c", "2", None)
    assert leg.coverage.covered("1") == [(at(0), at(60) - 1)]
    assert leg.coverage.covered("2") == []


def test_a_time_that_no_event_can_have_proves_nothing(leg: Leg) -> None:
    leg.message(10.5, opening("1", at(2)))
    leg.message(11, change("1", at(-3600)))
    leg.message(12, change("1", at(3600)))
    leg.changes("1", 13, 14)
    leg.coverage.end("c", "1", None)
    assert leg.coverage.covered("1") == [between(13, 14)]


def test_what_is_proved_is_known_before_a_connection_ends(leg: Leg) -> None:
    leg.message(10.5, opening("1", at(2)))
    leg.changes("1", 11, 15)
    assert leg.coverage.proves("1", at(12)) is True
    assert leg.coverage.proves("1", at(16)) is None, "the next proof may be behind it"
    assert leg.coverage.proves("1", at(5)) is False
    leg.coverage.end("c", "1", None)
    assert leg.coverage.proves("1", at(12)) is True
    assert leg.coverage.proves("1", at(16)) is False


def merged(world: LegsWorld) -> Iterator[tuple[str, list[Run]]]:
    legs = world.coverages()
    for token_id in world.tokens:
        span = [(world.recorded_from_ns(token_id), world.end_ns)]
        covered = joined(run for leg in legs for run in leg.covered(token_id))
        yield token_id, without(joined(span), covered)


def outside(world: LegsWorld) -> int:
    """Messages that nobody received and that no gap of the union holds."""
    lost = 0
    for token_id, gap in merged(world):
        for at_ns in world.lost_ns(token_id):
            lost += not any(first <= at_ns <= last for first, last in gap)
    return lost


WORLDS = range(12)


def test_the_merged_gap_is_never_smaller_than_the_truth() -> None:
    lost = gap_ns = 0
    for seed in WORLDS:
        world = LegsWorld(random.Random(seed))
        assert outside(world) == 0, f"world {seed}"
        lost += sum(len(world.lost_ns(token_id)) for token_id in world.tokens)
        gap_ns += sum(count(gap) for _, gap in merged(world))
    assert lost > 100, "there is something to miss"
    spans = len(WORLDS) * 3 * END_MS * MS
    assert gap_ns < spans / 4, "and it is not everything"


def test_without_its_margins_it_would_be_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "OWN_MARGIN_NS", 0)
    monkeypatch.setattr(coverage, "LATE_NS", 0)
    assert sum(outside(LegsWorld(random.Random(seed))) for seed in WORLDS) > 0


def test_one_leg_without_any_cut_leaves_no_gap() -> None:
    for seed in range(3):
        world = LegsWorld(random.Random(seed), steady_leg=True)
        begun_ns = world.end_ns - (END_MS - 1_000) * MS
        assert [run for _, gap in merged(world) for run in gap if run[1] > begun_ns] == []
