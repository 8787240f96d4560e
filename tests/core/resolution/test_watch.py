import msgspec
import pytest

from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.market import Market, Token
from common.core.resolution.watch import Change, Pace, ResolutionWatch, Waiting

END = "2026-11-23T12:05:00Z"
END_NS = parse_utc_ns(END)
PACE = Pace(first_s=10, longest_s=60, give_up_s=3600, recheck_s=900, metadata_s=300)
S = NS_PER_SECOND


def market(slug: str = "w", *, end: str = END) -> Market:
    tokens = tuple(
        Token(slug, "0x" + slug, f"{slug}{at}", name, end) for at, name in enumerate(("Up", "Down"))
    )
    return Market(slug, "0x" + slug, "btc-up-or-down-5m", "2026-11-23T12:00:00Z" if end else "", end, tokens)


def watching(*markets: Market) -> ResolutionWatch:
    watch = ResolutionWatch(PACE)
    watch.select(markets or [market()], END_NS - 300 * S)
    return watch


def one(watch: ResolutionWatch) -> Waiting:
    [each] = watch.take_state()
    return each


def test_nobody_is_asked_before_the_window_s_end_and_both_soon_after_it() -> None:
    watch = watching()
    assert not watch.due("gamma", END_NS + 10 * S - 1)
    for source in ("gamma", "data_api"):
        assert watch.due(source, END_NS + 10 * S) == [one(watch)]


def test_questions_without_an_outcome_come_less_and_less_often_up_to_the_longest_interval() -> None:
    watch, now_ns, waits = watching(), END_NS + 10 * S, []
    for _ in range(7):
        watch.answered(one(watch), "gamma", "", now_ns)
        next_ns = one(watch).asked["gamma"].next_ns
        waits.append((next_ns - now_ns) / S)
        now_ns = next_ns
    assert waits[:3] == [15, 22.5, 33.75]
    assert waits[-1] == 60


def test_an_outcome_is_asked_for_once_more_and_then_the_window_is_over() -> None:
    watch = watching()
    assert not watch.answered(one(watch), "gamma", "Up", END_NS).resolved
    assert watch.answered(one(watch), "data_api", "Up", END_NS).resolved
    assert watch.waiting == 0
    assert not watch.due("gamma", END_NS + 900 * S - 1)
    for source in ("gamma", "data_api"):
        assert watch.due(source, END_NS + 900 * S)
        watch.answered(one(watch), source, "Up", END_NS + 900 * S)
    assert one(watch).is_over
    watch.select([], END_NS + 901 * S)
    assert watch.take_state() == []


@pytest.mark.parametrize("later", ["Down", ""])
def test_an_outcome_that_is_another_one_later_is_a_correction_and_asked_for_again(later: str) -> None:
    watch = watching()
    watch.answered(one(watch), "gamma", "Up", END_NS)
    found = watch.answered(one(watch), "gamma", later, END_NS + 900 * S)
    assert found.corrected
    assert not one(watch).asked["gamma"].rechecked
    assert watch.due("gamma", END_NS + 910 * S)


def test_a_failure_says_nothing_and_takes_nothing_back() -> None:
    watch = watching()
    watch.answered(one(watch), "gamma", "Up", END_NS)
    assert watch.answered(one(watch), "gamma", None, END_NS + 900 * S) == Change()
    assert one(watch).asked["gamma"].winner == "Up"


def test_sources_that_contradict_each_other_are_told_once_and_until_one_is_corrected() -> None:
    watch = watching()
    watch.answered(one(watch), "gamma", "Up", END_NS)
    assert watch.answered(one(watch), "data_api", "Down", END_NS).disagrees
    assert watch.disagreements == ["w: data_api says Down, gamma says Up"]
    assert not watch.answered(one(watch), "data_api", "Down", END_NS + 900 * S).disagrees
    watch.answered(one(watch), "gamma", "Down", END_NS + 900 * S)
    assert watch.disagreements == []


def test_a_window_that_is_never_resolved_is_given_up_and_asked_about_no_more() -> None:
    watch = watching()
    watch.answered(one(watch), "gamma", "Up", END_NS)
    assert watch.select([], END_NS + 3600 * S) == []
    assert [each.slug for each in watch.select([market()], END_NS + 3601 * S)] == ["w"]
    assert watch.select([market()], END_NS + 3602 * S) == []
    assert not watch.due("data_api", END_NS + 3602 * S)


def test_what_leaves_the_discovery_file_stays_until_it_is_over_unless_it_has_no_window() -> None:
    watch = watching(market(), market("open", end=""))
    watch.select([], END_NS)
    assert [each.slug for each in watch.take_state()] == ["w"]


def test_another_life_goes_on_from_the_state_of_the_one_before() -> None:
    watch = watching()
    watch.answered(one(watch), "gamma", "Up", END_NS)
    kept = msgspec.json.decode(msgspec.json.encode(watch.take_state()), type=list[Waiting])
    again = ResolutionWatch(PACE, kept)
    again.select([], END_NS + 20 * S)
    assert not again.due("gamma", END_NS + 20 * S)
    assert again.due("data_api", END_NS + 20 * S)


def test_metadata_is_looked_at_at_once_then_at_an_interval_and_told_to_differ_only_when_it_does() -> None:
    watch = watching()
    now_ns = END_NS - 300 * S
    assert watch.metadata_due(now_ns) == [one(watch)]
    assert watch.metadata_seen(one(watch), "aa", now_ns)
    assert not watch.metadata_due(now_ns + 299 * S)
    assert watch.metadata_due(now_ns + 300 * S)
    assert not watch.metadata_seen(one(watch), "aa", now_ns + 300 * S)
    assert watch.metadata_seen(one(watch), "bb", now_ns + 600 * S)
    assert not watch.metadata_seen(one(watch), "", now_ns + 900 * S)
    assert watch.metadata_due(now_ns + 910 * S), "a failure is made good sooner"


def test_a_clock_that_was_set_back_does_not_postpone_questions() -> None:
    watch = watching()
    watch.answered(one(watch), "gamma", "", END_NS + 100_000 * S)
    watch.metadata_seen(one(watch), "aa", END_NS + 100_000 * S)
    assert watch.due("gamma", END_NS + 20 * S)
    assert watch.metadata_due(END_NS + 20 * S)
