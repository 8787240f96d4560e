from typing import Any

import pytest
from msgspec.structs import replace

from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.uploads.outlook import Upload, upload_of
from tests.stated import UPLOADER

NOW = parse_utc_ns("2026-11-23T12:00:00Z")


def at(seconds: float) -> str:
    return utc_text(NOW + int(seconds * NS_PER_SECOND))


def upload(
    told: dict[str, Any] | None = None,
    *,
    enabled: bool = True,
    cleans_up: bool = False,
    interval_s: float = 60,
) -> Upload:
    stated = None if told is None else replace(UPLOADER, **told)
    return upload_of(stated, enabled=enabled, cleans_up=cleans_up, interval_s=interval_s, now_ns=NOW)


def test_of_an_uploader_that_is_silent_only_the_settings_are_known() -> None:
    assert upload(cleans_up=True) == Upload(enabled=True, cleans_up=True)
    assert upload(enabled=False) == Upload()


def test_nothing_is_cleaned_up_where_nothing_is_uploaded() -> None:
    assert not upload(enabled=False, cleans_up=True).cleans_up
    assert not upload({"state": "waiting"}, enabled=False, cleans_up=True).cleans_up


def test_what_the_uploader_states_is_kept() -> None:
    told = {
        "state": "waiting",
        "remote": "r:b",
        "backlog_files": 3,
        "backlog_bytes": 9,
        "verified_files": 7,
        "alarms": ("a", "b"),
    }
    seen = upload(told)
    assert (seen.state, seen.remote, seen.verified_files) == ("waiting", "r:b", 7)
    assert (seen.backlog_files, seen.backlog_bytes, seen.alarms) == (3, 9, ("a", "b"))


def test_the_age_of_the_backlog_is_that_of_its_oldest_archive() -> None:
    assert upload({"backlog_files": 2, "oldest_waiting_at_utc": at(-90.5)}).backlog_age_seconds == 90.5
    assert upload({"backlog_files": 0}).backlog_age_seconds == 0
    assert upload({"backlog_files": 2}).backlog_age_seconds is None, "nobody said since when"
    assert upload({}).backlog_age_seconds is None


def test_a_wall_clock_that_was_put_back_makes_no_negative_age() -> None:
    assert upload({"oldest_waiting_at_utc": at(5)}).backlog_age_seconds == 0


@pytest.mark.parametrize(("interval_s", "limit_s"), [(60, 3720), (1, 3602), (86_400, 176_400)])
def test_it_is_behind_after_an_hour_and_two_intervals(interval_s: float, limit_s: float) -> None:
    def behind(waited_s: float) -> bool:
        return upload({"oldest_waiting_at_utc": at(-waited_s)}, interval_s=interval_s).behind

    assert not behind(limit_s)
    assert behind(limit_s + 0.001)


@pytest.mark.parametrize(
    ("error_s", "success_s", "failing"),
    [
        (-5, -9, True),
        (-9, -5, False),
        (-5, -5, True),
        (-5, None, True),
        (None, -5, True),
        (None, None, True),
    ],
)
def test_it_fails_until_a_success_is_newer_than_the_last_error(
    error_s: float | None, success_s: float | None, *, failing: bool
) -> None:
    told = {
        "last_error": "away",
        "last_error_at_utc": error_s and at(error_s),
        "last_success_at_utc": success_s and at(success_s),
    }
    assert upload(told).failing is failing
    assert not upload({**told, "last_error": ""}).failing, "without an error nothing fails"


@pytest.mark.parametrize(
    "told",
    [
        {"oldest_waiting_at_utc": "yesterday"},
        {"last_success_at_utc": ""},
        {"last_error_at_utc": "2026-13-01T00:00:00Z"},
        {"next_attempt_at_utc": "soon"},
        {"last_error": "x", "last_error_at_utc": "then", "last_success_at_utc": "now"},
    ],
)
def test_words_that_cannot_be_understood_become_the_error_and_nothing_of_them_is_shown(
    told: dict[str, Any],
) -> None:
    seen = upload({"state": "waiting", **told}, cleans_up=True)
    words = "the state that the uploader reports cannot be understood: "
    assert seen.last_error.startswith(words)
    assert len(seen.last_error) > len(words)
    assert seen == Upload(enabled=True, cleans_up=True, failing=True, last_error=seen.last_error)
    assert not seen.frees_room


def test_room_is_freed_only_by_an_uploader_that_cleans_up_and_gets_on() -> None:
    well: dict[str, Any] = {"state": "waiting", "backlog_files": 0}
    assert upload(well, cleans_up=True).frees_room
    assert not upload(well).frees_room
    assert not upload(well, enabled=False, cleans_up=True).frees_room
    assert not upload(None, cleans_up=True).frees_room, "it has not spoken yet"
    assert not upload({**well, "last_error": "away"}, cleans_up=True).frees_room
    assert not upload({**well, "oldest_waiting_at_utc": at(-9000)}, cleans_up=True).frees_room
