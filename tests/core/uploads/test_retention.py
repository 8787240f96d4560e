"""Which archives are to go by age and by size."""

from common.core.uploads.retention import Retention
from common.core.uploads.turns import Parcel

HOUR_S = 3600
HOUR_NS = HOUR_S * 1_000_000_000
NOW_NS = 1_000 * HOUR_NS


def archive(hours_ago: int, bytes_: int = 10) -> Parcel:
    at_ns = NOW_NS - hours_ago * HOUR_NS
    return Parcel(f"a/{1000 - hours_ago}.jsonl.gz", bytes_, at_ns, at_ns)


ALL = [archive(hours_ago) for hours_ago in range(9, -1, -1)]


def gone(retention: Retention, deletable: list[Parcel] = ALL, now_ns: int = NOW_NS) -> list[int]:
    """How many hours ago the data of those that go begin."""
    due = retention.due(deletable, ALL, now_ns)
    return [(NOW_NS - each.data_from_ns) // HOUR_NS for each in ALL if each.path in due]


def test_without_a_bound_everything_stays() -> None:
    assert gone(Retention()) == []
    assert not Retention().is_on


def test_what_is_older_than_the_bound_goes() -> None:
    assert gone(Retention(max_age_seconds=6 * HOUR_S)) == [9, 8, 7]


def test_the_oldest_go_until_the_rest_fits() -> None:
    assert gone(Retention(max_bytes=100)) == []
    assert gone(Retention(max_bytes=75)) == [9, 8, 7]


def test_what_age_removes_counts_for_the_size() -> None:
    assert gone(Retention(max_age_seconds=7 * HOUR_S, max_bytes=75)) == [9, 8, 7]


def test_what_may_not_go_stays_and_the_next_oldest_goes_in_its_place() -> None:
    assert gone(Retention(max_bytes=75), ALL[2:]) == [7, 6, 5]
    assert gone(Retention(max_age_seconds=6 * HOUR_S), ALL[2:]) == [7]


def test_the_newest_window_never_goes() -> None:
    assert gone(Retention(max_bytes=1)) == [9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_a_rest_of_years_and_a_clock_that_is_years_ahead_make_nothing_old() -> None:
    years_ns = 5 * 8766 * HOUR_NS
    assert gone(Retention(max_age_seconds=6 * HOUR_S), now_ns=NOW_NS + years_ns) == [9, 8, 7]


def test_a_clock_that_is_behind_deletes_less() -> None:
    assert gone(Retention(max_age_seconds=6 * HOUR_S), now_ns=NOW_NS - 3 * HOUR_NS) == []


def test_nothing_is_due_where_nothing_is() -> None:
    assert Retention(max_bytes=1, max_age_seconds=1).due([], [], NOW_NS) == {}
