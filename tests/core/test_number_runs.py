from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from common.core.number_runs import NumberRuns, Run, count, in_words, joined, overlaps, without

RUNS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)).map(lambda pair: (pair[0], sum(pair))))


def numbers(runs: list[Run]) -> list[int]:
    return [number for first, last in runs for number in range(first, last + 1)]


@given(RUNS)
def test_the_union_holds_each_number_once_in_runs_that_do_not_touch(runs: list[Run]) -> None:
    union = joined(runs)
    assert numbers(union) == sorted(set(numbers(runs)))
    assert count(union) == len(set(numbers(runs)))
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(union))


@given(RUNS)
def test_overlaps_are_the_numbers_that_stand_twice(runs: list[Run]) -> None:
    twice = {number for number, times in Counter(numbers(runs)).items() if times > 1}
    assert set(numbers(overlaps(runs))) == twice


@given(RUNS, RUNS)
def test_without_leaves_what_is_not_taken(runs: list[Run], taken: list[Run]) -> None:
    assert set(numbers(without(runs, joined(taken)))) == set(numbers(runs)) - set(numbers(taken))


@given(st.lists(st.integers(1, 30)))
def test_numbers_in_any_order_are_kept_and_those_out_of_order_told(given_numbers: list[int]) -> None:
    runs = NumberRuns()
    told = [runs.add(number) for number in given_numbers]
    highest = 0
    for number, in_order in zip(given_numbers, told, strict=True):
        assert in_order == (number > highest)
        highest = max(highest, number)
    assert (numbers(runs.runs()), runs.highest) == (sorted(set(given_numbers)), highest)


def test_runs_are_told_in_words() -> None:
    assert in_words([(5, 5), (9, 12)]) == "5, 9 to 12"
    assert in_words([(1, 1), (3, 3), (5, 6), (8, 9), (11, 11)]) == "1, 3, 5 to 6 and 2 more stretches"
