from common.core.backoff import Backoff
from common.core.own_pause import LIMIT_NS, OwnPause

SECOND = 1_000_000_000


def test_only_what_lies_between_two_calls_and_is_long_counts_as_a_pause() -> None:
    pause = OwnPause()
    assert pause.slept_ns(900 * SECOND) == 0, "the first call has none before it"
    assert pause.slept_ns(900 * SECOND + LIMIT_NS) == 0
    assert pause.slept_ns(945 * SECOND) == 40 * SECOND
    assert pause.slept_ns(946 * SECOND) == 0, "it is told once"


def test_a_wait_that_was_asked_for_is_kept_with_a_little_chance_on_top() -> None:
    backoff = Backoff(first_s=1, longest_s=8, chance=lambda: 0.5)
    assert backoff.next_wait_s(at_least_s=60) == 63
    assert backoff.next_wait_s(at_least_s=0.1) == 1.5
    assert backoff.next_wait_s() == 3
