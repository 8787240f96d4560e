import pytest

from common.core.feed.dial_pace import NS, RECOVERY_NS, Pace, refused, reserve


def begins(pace: Pace, now_ns: int, dials: int, legs: int) -> tuple[Pace, list[float]]:
    """When each of some dials that are due together begins, in seconds from now."""
    times = []
    for _ in range(dials):
        pace, at_ns = reserve(pace, now_ns, legs=legs)
        times.append((at_ns - now_ns) / NS)
    return pace, times


def test_five_dials_may_begin_at_once_and_then_five_a_second() -> None:
    pace, times = begins(Pace(), 1000 * NS, 7, legs=1)
    assert times == pytest.approx([0, 0, 0, 0, 0, 0.2, 0.4])
    assert begins(pace, 1010 * NS, 5, legs=1)[1] == [0] * 5, "a bucket that had time to fill is full"


def test_two_legs_share_the_pace_of_the_host_and_none_waits_for_the_other() -> None:
    assert begins(Pace(), 1000 * NS, 4, legs=2)[1] == pytest.approx([0, 0, 0.4, 0.8])


def test_a_refusal_halves_the_pace_until_there_was_none_for_a_while() -> None:
    now = 1000 * NS
    pace = refused(Pace(), now, legs=1)
    assert begins(pace, now, 3, legs=1)[1] == pytest.approx([0, 0.4, 0.8])
    twice = refused(pace, now, legs=1)
    assert begins(twice, now, 2, legs=1)[1] == pytest.approx([0, 0.8])
    later = now + RECOVERY_NS
    assert begins(twice, later, 7, legs=1)[1][5:] == pytest.approx([0.4, 0.8])
    assert begins(twice, later + RECOVERY_NS, 7, legs=1)[1][5:] == pytest.approx([0.2, 0.4])


def test_a_bucket_of_another_boot_holds_nobody_up() -> None:
    old = Pace(full_ns=10**9 * NS, interval_ns=8 * NS, changed_ns=10**9 * NS)
    assert begins(old, 5 * NS, 6, legs=1)[1] == pytest.approx([0, 0, 0, 0, 0, 0.2])
