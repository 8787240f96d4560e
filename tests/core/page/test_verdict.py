import pytest

from common.core.page.verdict import Level, Since, level_of, verdict_line
from common.core.status.health import Verdict
from tests.core.page.manifests import NOW, at, manifest

WELL = Verdict(ok=True, reason="market data arrives")
UNWELL = Verdict(ok=False, reason="ws_reader-0 has had no market data for 55 s")
FULL = {"kind": "rows_not_durable", "reason": "rows wait: disk full", "since_utc": at(-90), "subject": ""}
ONE_LEG = [
    {"leg": "a", "up": True, "tokens": 4, "down_since_utc": None},
    {"leg": "b", "up": False, "tokens": 0, "down_since_utc": at(-45)},
]


@pytest.mark.parametrize(
    ("fields", "health", "silent_s", "level"),
    [
        ({}, WELL, 1.0, "whole"),
        ({"legs": ONE_LEG}, WELL, 1.0, "one_leg"),
        ({}, WELL, 31.0, "dark"),
        ({"state": "STARTING"}, WELL, None, "starting"),
        ({"state": "STARTING"}, UNWELL, None, "dark"),
        ({"problems": [FULL]}, UNWELL, 1.0, "red"),
        ({"state": "FAILED"}, UNWELL, 1.0, "red"),
        ({"state": "RUNNING_NO_ACTIVE_TOKENS"}, WELL, 900.0, "idle"),
        ({"state": "RUNNING_NO_ACTIVE_TOKENS"}, UNWELL, 900.0, "red"),
        ({"state": "STOPPING"}, UNWELL, 1.0, "stopping"),
    ],
)
def test_the_level_says_how_whole_the_recording_is(
    fields: dict[str, object], health: Verdict, silent_s: float | None, level: Level
) -> None:
    assert level_of(manifest(**fields), health, silent_s=silent_s) == level


def test_a_problem_is_told_with_its_reason_since_when_and_what_to_do() -> None:
    document = manifest(problems=[FULL])
    line = verdict_line(document, UNWELL, level="red", since_utc=at(-5), warnings=("disk full in 3 h",))
    assert (line.since_utc, line.why) == (at(-90), ("rows wait: disk full",))
    assert "OrderbooksRowsNotDurable" in line.todo
    assert line.warnings == ("disk full in 3 h",)


def test_dark_is_since_the_last_market_data() -> None:
    line = verdict_line(manifest(), UNWELL, level="dark", since_utc=None, warnings=())
    assert (line.since_utc, line.why) == (at(-1), (UNWELL.reason,))
    assert "OrderbooksDark" in line.todo


def test_one_leg_names_the_other_and_since_when_it_is_down() -> None:
    line = verdict_line(manifest(legs=ONE_LEG), WELL, level="one_leg", since_utc=at(-5), warnings=())
    assert (line.since_utc, line.why) == (at(-45), ("leg b is down; the other one records all tokens",))


def test_whole_is_since_the_start_until_it_was_not() -> None:
    since = Since()
    since.note("starting", started_at_utc=at(-60), now_ns=NOW)
    since.note("whole", started_at_utc=at(-60), now_ns=NOW)
    assert since.of("whole") == at(-60)
    since.note("dark", started_at_utc=at(-60), now_ns=NOW)
    assert (since.of("dark"), since.of("whole")) == (at(0), None)
    since.note("whole", started_at_utc=at(-60), now_ns=NOW)
    assert since.of("whole") == at(0)
