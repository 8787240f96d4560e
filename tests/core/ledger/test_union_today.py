"""What a run states of two legs for the day."""

from common.core.counters import COUNTERS
from common.core.ledger.document import FeedLedger, Window
from common.core.ledger.feed_document import Sources, feed_ledger
from common.core.ledger.feed_window import FeedHour
from common.core.ledger.legs_document import FeedLegs
from common.core.ledger.union_today import UnionToday, counted, legs_of

HOUR_NS = 3600 * 1_000_000_000


def ledger(hour: int, healed_seconds: float) -> FeedLedger:
    legs = FeedLegs(healed_seconds, 100.0, 1.0, 2.0, 0.5, 3, 4, 5, 6)
    window = Window(hour * HOUR_NS, (hour + 1) * HOUR_NS)
    return feed_ledger(window, [FeedHour(window)], (), Sources((), ()), legs)


def test_ledgers_of_a_day_add_up_and_a_new_day_begins_again() -> None:
    today = UnionToday().plus(ledger(22, 40.5)).plus(ledger(23, 0.5))
    assert today == UnionToday("1970-01-01", 2, 41.0, 1.0, 6, 8, 10, 12)
    assert today.plus(ledger(24, 7.0)) == UnionToday("1970-01-02", 1, 7.0, 0.5, 3, 4, 5, 6)


def test_a_ledger_of_one_leg_adds_nothing() -> None:
    window = Window(0, HOUR_NS)
    of_one = feed_ledger(window, [FeedHour(window)], (), Sources((), ()))
    assert legs_of(of_one) is None
    assert UnionToday().plus(of_one) == UnionToday()


def test_every_counter_of_legs_is_exported_from_the_start() -> None:
    legs = legs_of(ledger(0, 1.5))
    assert legs is not None
    assert counted(legs)["legs_healed_milliseconds_total"] == 1500
    assert set(counted(legs)) <= set(COUNTERS)
