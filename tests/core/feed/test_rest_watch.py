from common.core.feed.rest_watch import RestWatch

S = 1_000_000_000


def test_one_failed_round_may_happen_and_two_in_a_row_are_a_problem_until_the_first_success() -> None:
    watch = RestWatch()
    watch.failed("answered HTTP 500", 10 * S)
    watch.round_over()
    assert watch.fails
    assert watch.problem(11 * S) == ""
    watch.failed("answered HTTP 502", 25 * S)
    watch.round_over()
    assert watch.problem(26 * S) == "no checkpoint has succeeded for 16 s: answered HTTP 502"
    watch.succeeded()
    assert watch.problem(27 * S) == ""


def test_a_round_in_which_one_of_several_requests_succeeds_is_no_failed_one() -> None:
    watch = RestWatch()
    for _ in range(5):
        watch.failed("answered HTTP 500", S)
        watch.succeeded()
        watch.round_over()
    assert watch.problem(60 * S) == ""


def test_failures_after_the_success_of_a_round_count_with_the_rounds_that_follow() -> None:
    watch = RestWatch()
    watch.succeeded()
    for second in (1, 2, 3):
        watch.failed("answered HTTP 500", second * S)
        watch.round_over()
    assert watch.problem(4 * S).startswith("no checkpoint has succeeded for 3 s")
