from common.core.audit.pacing import (
    CALM_NS,
    CPU_SHARE,
    CREDIT_NS,
    LIMIT_NS,
    LONGEST_NS,
    SHORTEST_NS,
    Breather,
)


def rest_ns(breather: Breather, now_ns: int) -> int:
    """How long it rests when it is too late now; 0 when not at all."""
    assert breather.is_late(now_ns - LIMIT_NS - 1, now_ns)
    tried = (0, *(SHORTEST_NS << doubled for doubled in range(5)), LONGEST_NS)
    return next(rest for rest in tried if breather.is_over(now_ns + rest))


def test_who_keeps_up_never_rests() -> None:
    breather = Breather()
    assert not breather.is_late(1, 1 + LIMIT_NS)
    assert not breather.resting
    assert not breather.is_over(1 << 60)


def test_the_first_backlog_is_dropped_at_once_and_those_that_follow_soon_cost_longer_and_longer_rests() -> (
    None
):
    breather = Breather()
    now = CALM_NS
    assert rest_ns(breather, now) == 0
    assert rest_ns(breather, now + 1) == SHORTEST_NS
    assert rest_ns(breather, now + 2) == 2 * SHORTEST_NS
    assert [rest_ns(breather, now + 3) for _ in range(5)][-1] == LONGEST_NS
    assert rest_ns(breather, now + 3 + LONGEST_NS + CALM_NS) == LONGEST_NS
    assert rest_ns(breather, now + 4 + 2 * (LONGEST_NS + CALM_NS)) == 0, "after a calm minute it begins anew"


def test_what_costs_no_more_than_its_share_never_rests() -> None:
    breather = Breather()
    second = 1_000_000_000
    assert not any(breather.is_spent(round(CPU_SHARE * now), now) for now in range(0, 600 * second, second))
    assert not breather.is_spent(round(CPU_SHARE * 600 * second) + CREDIT_NS, 600 * second), "a burst is free"


def test_time_is_scarce_when_half_of_what_a_burst_may_take_is_gone() -> None:
    breather = Breather()
    scarce = []
    spent_ns = CREDIT_NS * 3 // 4
    for cpu_ns, now_ns in ((0, 0), (spent_ns, 1), (spent_ns, round(CREDIT_NS / CPU_SHARE))):
        assert not breather.is_spent(cpu_ns, now_ns)
        scarce.append(breather.is_scarce)
    assert scarce == [False, True, False]


def test_what_costs_too_much_rests_until_in_the_long_run_it_had_its_share() -> None:
    breather = Breather()
    now = cpu = spells = 0
    while spells < 20:
        now += 10**8
        if breather.resting:
            breather.is_over(now)
        else:
            cpu += 10**8 // 2
            spells += breather.is_spent(cpu, now)
    assert CPU_SHARE * 0.9 < cpu / now < CPU_SHARE * 1.2


def test_what_was_received_before_the_end_of_a_rest_is_let_go_of_whenever_it_comes() -> None:
    breather = Breather()
    assert not breather.lets_go(0)
    rest_ns(breather, CALM_NS)
    assert rest_ns(breather, CALM_NS + 1) == SHORTEST_NS
    assert breather.lets_go(CALM_NS + SHORTEST_NS)
    assert not breather.lets_go(CALM_NS + 1 + SHORTEST_NS)
