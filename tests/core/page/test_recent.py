from common.core.instants import NS_PER_SECOND
from common.core.page.recent import MOST_SAMPLES, SAMPLE_NS, Figures, Recent

S = NS_PER_SECOND


def figures(at_s: float, **messages: int) -> Figures:
    return Figures(int(at_s * S), messages, waiting=int(at_s), cpu_seconds={7: at_s / 10})


def test_rates_are_a_second_and_by_leg_and_a_leg_that_was_not_there_has_none() -> None:
    recent = Recent()
    for sample in (figures(0, a=0), figures(5, a=50, b=7), figures(10, a=40, b=17)):
        recent.note(sample)
    assert recent.rates() == {"a": [10.0, 0.0], "b": [None, 2.0]}
    assert recent.waiting() == [5, 10]
    assert recent.ages_s(12 * S) == [7.0, 2.0]
    assert (recent.cpu_share(7), recent.cpu_share(8)) == (0.1, None)


def test_it_is_bounded_and_takes_no_sample_before_its_time() -> None:
    recent = Recent()
    for step in range(3 * MOST_SAMPLES):
        recent.note(figures(step * SAMPLE_NS / S / 2, a=step))
    assert len(recent.waiting()) == MOST_SAMPLES - 1
    assert set(recent.rates()["a"]) == {0.4}


def test_before_two_samples_there_is_nothing_to_draw() -> None:
    recent = Recent()
    recent.note(figures(0, a=9))
    assert (recent.rates(), recent.waiting(), recent.cpu_share(7)) == ({"a": []}, [], None)
