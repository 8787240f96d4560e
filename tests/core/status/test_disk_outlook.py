import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.status.disk_outlook import DiskOutlook, Growth, Room, disk_outlook
from common.core.uploads.kept import Kept
from common.core.uploads.retention import Retention

S = 1_000_000_000
MIB = 2**20
DAY = 86_400


def test_a_disk_is_full_when_its_room_is_used_up_at_the_rate_of_now() -> None:
    outlook = disk_outlook(Room(1000, 4000), 10.04, freed=False)
    assert outlook == DiskOutlook(1000, 4000, 10.0, 100)


@pytest.mark.parametrize("rate", [None, 0.0, 0.04])
def test_nobody_knows_when_while_nothing_is_written(rate: float | None) -> None:
    outlook = disk_outlook(Room(1000, 4000), rate, freed=False)
    assert (outlook.full_in_seconds, outlook.full_soon, outlook.words) == (None, False, "")
    assert outlook.free_bytes == 1000


def test_a_disk_that_uploads_free_again_does_not_fill() -> None:
    outlook = disk_outlook(Room(1000, 4000), 100, freed=True)
    assert outlook == DiskOutlook(1000, 4000, 100, None)
    assert not outlook.full_soon


@pytest.mark.parametrize("freed", [True, False])
@pytest.mark.parametrize("rate", [None, 0.0, 5.0])
def test_a_full_disk_is_full_whatever_else_is_known(rate: float | None, *, freed: bool) -> None:
    outlook = disk_outlook(Room(0, 4000), rate, freed=freed)
    assert (outlook.full_in_seconds, outlook.full_soon, outlook.words) == (0, True, "disk full")


@pytest.mark.parametrize(
    ("retention", "to_come"),
    [
        (Retention(max_bytes=1000), 400),
        (Retention(max_bytes=500), 0),
        (Retention(max_age_seconds=80), 200),
        (Retention(max_age_seconds=50), 0),
        (Retention(max_age_seconds=80, max_bytes=1000), 200),
        (Retention(max_age_seconds=200, max_bytes=1000), 400),
    ],
)
def test_a_disk_with_room_for_all_that_retention_lets_stay_does_not_fill(
    retention: Retention, to_come: int
) -> None:
    kept = Kept(retention, held_bytes=600, waiting_bytes=50, window_s=4)
    need = to_come + 50 + 2 * 4 * 10
    assert disk_outlook(Room(need + 1, 4000), 10, freed=False, kept=kept) == DiskOutlook(
        need + 1, 4000, 10, None
    )
    full = disk_outlook(Room(need, 4000), 10, freed=False, kept=kept)
    assert (full.full_in_seconds, full.full_soon) == (need // 10, True)


@pytest.mark.parametrize("rate", [None, 0.0, 5.0])
def test_retention_does_not_make_room_on_a_full_disk_nor_a_rate_out_of_none(rate: float | None) -> None:
    kept = Kept(Retention(max_bytes=1), held_bytes=600, waiting_bytes=0, window_s=0)
    assert disk_outlook(Room(0, 4000), rate, freed=False, kept=kept).full_in_seconds == 0
    assert disk_outlook(Room(9, 4000), rate, freed=False, kept=kept).full_in_seconds is None


def test_a_disk_that_cannot_be_looked_at_leaves_the_rate_alone() -> None:
    outlook = disk_outlook(None, 7.77, freed=False)
    assert outlook == DiskOutlook(archive_bytes_per_second=7.8)
    assert (outlook.full_soon, outlook.words) == (False, "")


def test_full_within_a_day_is_soon() -> None:
    assert disk_outlook(Room(DAY - 1, DAY), 1, freed=False).full_soon
    assert not disk_outlook(Room(DAY, DAY), 1, freed=False).full_soon


def test_the_words_tell_when_and_at_which_rate() -> None:
    rate = 1.2 * MIB
    room = Room(int(rate * (3 * DAY + 4 * 3600 + 60)), 2**50)
    assert disk_outlook(room, rate, freed=False).words == "disk full in 3 d 4 h at 1.2 MiB/s"
    assert disk_outlook(Room(30, 40), 1, freed=False).words == "disk full in under a minute at 1 B/s"


def test_too_short_a_run_tells_no_rate() -> None:
    growth = Growth(100 * S)
    assert growth.note(100 * S, 0) is None
    assert growth.note(130 * S - 1, 5000) is None
    assert growth.note(130 * S, 6000) == 200


def test_in_its_first_ten_minutes_a_run_is_measured_from_its_beginning() -> None:
    growth = Growth(0)
    for second in range(0, 300, 5):
        growth.note(second * S, second * 10)
    assert growth.note(600 * S, 60_000) == 100


def test_what_is_longer_ago_than_ten_minutes_no_longer_counts() -> None:
    growth = Growth(0)
    for second in range(0, 1000, 10):
        growth.note(second * S, second * 1000)
    for second in range(1000, 1600, 10):
        growth.note(second * S, 1_000_000 + (second - 1000) * 10)
    assert growth.note(1600 * S, 1_006_000) == 10


def test_a_total_that_stands_still_grows_by_nothing_and_one_that_falls_does_too() -> None:
    growth = Growth(0)
    for second in range(0, 700, 10):
        growth.note(second * S, 5000)
    assert growth.note(700 * S, 5000) == 0
    assert growth.note(710 * S, 100) == 0


def test_who_comes_late_tells_the_rate_of_the_whole_run_at_once() -> None:
    growth = Growth(-5000 * S)
    assert growth.note(0, 1_000_000) == 200
    assert growth.note(1 * S, 1_000_200) == pytest.approx(200)


def test_who_came_late_tells_the_last_ten_minutes_when_they_have_passed() -> None:
    growth = Growth(-5000 * S)
    for second in range(0, 601, 10):
        rate = growth.note(second * S, 1_000_000 + second * 7)
    assert rate == 7


def test_after_a_long_silence_the_silence_is_part_of_the_time() -> None:
    growth = Growth(0)
    growth.note(60 * S, 6000)
    assert growth.note(4060 * S, 10_000) == 1


@given(
    rate=st.integers(0, 10**9),
    steps=st.lists(st.integers(1, 900), min_size=1, max_size=200),
    begun=st.integers(-(10**6), 10**6),
)
def test_steady_growth_is_seen_as_it_is_however_often_one_looks(
    rate: int, steps: list[int], begun: int
) -> None:
    growth, second = Growth(begun * S), 0
    for step in steps:
        second += step
        seen = growth.note((begun + second) * S, second * rate)
        assert seen == (None if second < 30 else pytest.approx(rate))
