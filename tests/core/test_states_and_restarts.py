import pytest

from common.core.restart_policy import RestartPolicy
from common.core.run_state import ReaderState, SupervisorState, run_state, word_for_run

SECOND = 10**9


@pytest.mark.parametrize(
    ("supervisor", "readers", "state"),
    [
        ("starting", [], "STARTING"),
        ("running", [], "STARTING"),
        ("running", ["connecting"], "STARTING"),
        ("running", ["waiting_for_data"], "STARTING"),
        ("running", ["receiving", "waiting_for_data"], "STARTING"),
        ("running", ["receiving"], "RUNNING_RECEIVING"),
        ("running", ["receiving", "receiving"], "RUNNING_RECEIVING"),
        ("running", ["receiving", "no_tokens"], "RUNNING_RECEIVING"),
        ("running", ["receiving", "reconnecting"], "RUNNING_RECONNECTING"),
        ("running", ["no_tokens", "no_tokens"], "RUNNING_NO_ACTIVE_TOKENS"),
        ("stopping", ["receiving"], "STOPPING"),
        ("stopped", ["no_tokens"], "STOPPING"),
    ],
)
def test_one_word_tells_what_the_recorder_does(
    supervisor: SupervisorState, readers: list[ReaderState], state: str
) -> None:
    assert run_state(supervisor=supervisor, readers=readers, finished=False) == state
    assert run_state(supervisor=supervisor, readers=readers, finished=True) == "STOPPED"


def test_a_reader_that_had_data_is_coming_back_and_not_starting() -> None:
    assert word_for_run("connecting", had_data=True) == "reconnecting"
    assert word_for_run("waiting_for_data", had_data=True) == "reconnecting"
    assert word_for_run("waiting_for_data", had_data=False) == "waiting_for_data"
    assert word_for_run("no_tokens", had_data=True) == "no_tokens"


def policy() -> RestartPolicy:
    return RestartPolicy(first_s=1, longest_s=4, healthy_s=60, chance=lambda: 0.999_999)


def waits(policy: RestartPolicy, lives_s: list[int]) -> list[float]:
    """Seconds from each death to the next start, rounded."""
    found, now = [], 0
    for life in lives_s:
        ended = now + life * SECOND
        now = policy.restart_at_ns(started_ns=now, ended_ns=ended)
        found.append(round((now - ended) / SECOND, 3))
    return found


def test_each_early_death_in_a_row_is_waited_for_longer_up_to_the_longest() -> None:
    assert waits(policy(), [0, 0, 0, 0, 59]) == [1, 2, 4, 4, 4]


def test_a_healthy_life_starts_over() -> None:
    assert waits(policy(), [0, 0, 60, 0]) == [1, 2, 1, 2]


def test_restarts_are_counted_and_never_given_up() -> None:
    counted = policy()
    assert max(waits(counted, [0] * 500)) == 4
    assert counted.restarts == 500
