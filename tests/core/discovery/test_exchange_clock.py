import pytest

from common.core.discovery.exchange_clock import Sighting, judge_clock
from common.core.instants import NS_PER_SECOND

S = NS_PER_SECOND
NOW = 1_795_435_860 * S


def seen(*offsets_s: float) -> list[Sighting]:
    """Answers of a host, at each of which this machine is so far ahead."""
    return [Sighting(NOW - int(offset * S), NOW) for offset in offsets_s]


@pytest.mark.parametrize("offset", [0, 59, -59])
def test_a_small_difference_is_measured_and_changes_nothing(offset: int) -> None:
    judged = judge_clock(NOW, seen(offset), ())
    assert (judged.offset_ns, judged.nows, judged.is_certain, judged.warning) == (
        offset * S,
        (NOW,),
        False,
        "",
    )


def test_without_a_date_nothing_is_known() -> None:
    judged = judge_clock(NOW, (), ())
    assert (judged.offset_ns, judged.nows) == (None, (NOW,))


def test_one_wrong_date_among_many_changes_nothing() -> None:
    assert judge_clock(NOW, seen(0, 3600, 1), ()).nows == (NOW,)


@pytest.mark.parametrize("offset", [7200, -7200, 61])
def test_two_hosts_that_agree_prove_that_this_clock_is_wrong(offset: int) -> None:
    judged = judge_clock(NOW, seen(offset), seen(offset + 1))
    assert (judged.offset_ns, judged.nows, judged.is_certain) == (offset * S, (NOW - offset * S, NOW), True)
    assert f"{offset} s off" in judged.warning


def test_another_host_that_agrees_with_this_clock_refutes_gamma() -> None:
    judged = judge_clock(NOW, seen(290), seen(1))
    assert (judged.offset_ns, judged.nows, judged.is_certain) == (S, (NOW,), False)
    assert "Gamma's clock, or a cache" in judged.warning


@pytest.mark.parametrize("other", [(), (900,)])
def test_where_nothing_decides_both_may_be_right(other: tuple[float, ...]) -> None:
    judged = judge_clock(NOW, seen(7200), seen(*other))
    assert (judged.offset_ns, judged.nows, judged.is_certain) == (None, (NOW, NOW - 7200 * S), False)


def test_what_has_happened_later_than_now_proves_that_this_clock_is_behind() -> None:
    assert judge_clock(NOW, seen(-7200), (), newest_update_ns=NOW + 7000 * S).is_certain
    assert not judge_clock(NOW, seen(7200), (), newest_update_ns=NOW - 7000 * S).is_certain
