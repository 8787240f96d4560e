import pytest

from common.core.merging.messages import LegMessage
from common.core.merging.unit import UnitMerge
from tests.core.merging.legs import SECOND, START, heard, union


def test_what_both_legs_have_comes_once_and_what_one_missed_comes_from_the_other() -> None:
    a = [heard("1", 1), heard("2", 2), heard("4", 4)]
    b = [heard("1", 1.1), heard("3", 3), heard("4", 4.1)]
    assert union(a, b) == ["1", "2<", "3>", "4"]


def test_the_same_change_sent_twice_is_kept_twice_although_one_leg_got_it_once() -> None:
    a = [heard("x", 1), heard("x", 1.05), heard("y", 2)]
    b = [heard("x", 1.02), heard("y", 2)]
    assert union(a, b) == ["x", "x<", "y"]


def test_other_order_of_keys_and_other_spacing_mean_the_same() -> None:
    a = [heard("a", 1, key=b'{"market":"0x1","timestamp":"5"}')]
    b = [heard("b", 1, key=b'{ "timestamp": "5", "market": "0x1" }')]
    assert union(a, b) == ["a"]


def test_what_belongs_to_its_leg_is_never_merged() -> None:
    assert union([heard("[]", 1, key=b"")], [heard("[]", 1, key=b"")]) == ["[]<", "[]>"]


def test_a_session_cannot_have_got_what_the_other_leg_had_before_it_was_opened() -> None:
    a = [heard("x", 1), heard("m", 3)]
    b = [heard("x", 1.4, opened_s=1.2), heard("m", 3, opened_s=1.2)]
    assert union(a, b) == ["x<", "x>", "m"]
    assert union(a, b, clock_error_s=0.3) == ["x", "m"], "unless the clocks may be that far apart"


def test_an_impossible_partner_does_not_keep_a_message_from_its_true_one() -> None:
    a = [heard("x", 1), heard("x", 5), heard("m", 6)]
    b = [heard("x", 5.1, opened_s=4), heard("m", 6.1, opened_s=4)]
    assert union(a, b) == ["x<", "x", "m"]


def test_receipts_beyond_the_horizon_are_of_two_emissions() -> None:
    assert union([heard("x", 1)], [heard("x", 12.9)]) == ["x"]
    assert union([heard("x", 1)], [heard("x", 13.1)]) == ["x<", "x>"]


def test_what_only_one_leg_has_is_ordered_by_the_exchanges_time_and_late_repeats_do_not_mislead() -> None:
    a = [heard("1", 1), heard("2", 5, exchange_s=2), heard("4", 5.1, exchange_s=4), heard("9", 9)]
    b = [heard("1", 1), heard("3", 3), heard("old", 3.1, exchange_s=0.5), heard("9", 9)]
    assert union(a, b) == ["1", "2<", "3>", "old>", "4<", "9"]


def test_at_equal_times_the_skew_of_the_legs_decides_and_an_opening_book_comes_last() -> None:
    a = [heard("1", 1), heard("2", 1.2, exchange_s=1.1)]
    b = [heard("1", 4, exchange_s=1), heard("3", 4.1, exchange_s=1.1)]
    assert union(a, b) == ["1", "3>", "2<"]
    b = [heard("1", 1), heard("book", 1.1, exchange_s=1.1, key=b"")]
    assert union(a, b) == ["1", "2<", "book>"]


def test_messages_that_crossed_are_both_kept_and_doubted() -> None:
    a = [heard("x", 1), heard("1", 2), heard("2", 3)]
    b = [heard("1", 2), heard("2", 3), heard("x", 3.5)]
    assert union(a, b) == ["x<?", "1", "2", "x>?"]


def test_kinds_that_overtake_each_other_are_merged_kind_by_kind() -> None:
    def leg(trade_late_s: float) -> list[LegMessage[str]]:
        changes = [heard(f"c{n}", n) for n in range(20)]
        trades = [heard(f"t{n}", n + trade_late_s, kind="last_trade_price") for n in range(20)]
        return sorted(changes + trades, key=lambda message: message.received_ns)

    merged = union(leg(0.5), leg(2.6))
    assert sorted(merged) == sorted([f"c{n}" for n in range(20)] + [f"t{n}" for n in range(20)])
    for kind in "ct":
        assert [text for text in merged if text[0] == kind] == [f"{kind}{n}" for n in range(20)]
    unit: UnitMerge[str] = UnitMerge()
    for message in leg(0.5):
        unit.take_a(message)
    for message in leg(2.6):
        unit.take_b(message)
    unit.finish()
    assert unit.by_kind
    assert 0 < unit.counts.order_agreement < 1


def test_a_flood_that_differs_everywhere_is_merged_in_bounded_time() -> None:
    a = [heard(str(n % 50), n / 1000) for n in range(2400)]
    b = [heard(str(n * 7 % 50), n / 1000) for n in range(2100)]
    merged = union(a, b)
    both = sum("<" not in text and ">" not in text for text in merged)
    assert len(merged) == len(a) + len(b) - both


@pytest.mark.parametrize("stretch_s", [1, 7, 60])
def test_it_is_the_same_however_often_it_is_settled(stretch_s: int) -> None:
    a = [heard(str(n), n / 2) for n in range(400) if n % 7 and not 100 < n < 160]
    b = [heard(str(n), n / 2 + 3, exchange_s=n / 2) for n in range(400) if n % 11]
    unit: UnitMerge[str] = UnitMerge()
    merged = []
    for second in range(250):
        for message in a:
            if second <= message.received_ns / SECOND - START < second + 1:
                unit.take_a(message)
        for message in b:
            if second <= message.received_ns / SECOND - START < second + 1:
                unit.take_b(message)
        if second % stretch_s == 0:
            merged += unit.settle((START + second + 1) * SECOND)
    assert unit.waiting < 200, "what is settled is not kept"
    merged += unit.finish()
    texts = [m.a or m.b for m in merged]
    assert texts == [str(n) for n in range(400) if n % 11 or (n % 7 and not 100 < n < 160)]
    times = [m.at_ns for m in merged]
    assert times == sorted(times)
