from collections.abc import Sequence

import pytest

from common.core.problems import Problem
from common.core.run_state import ReaderState, State
from common.core.status.disk_outlook import DiskOutlook
from common.core.status.health import (
    Discovered,
    Patience,
    ReaderWord,
    Verdict,
    Wait,
    judge_health,
    judge_liveness,
    judge_readiness,
    warnings,
)
from common.core.uploads.outlook import Upload

S = 1_000_000_000


def word(state: ReaderState, *, data_at: int = 0, said_s: float = 0) -> ReaderWord:
    return ReaderWord(state, data_at, int(said_s * S))


def wait(
    *, had_data: bool = True, quiet_s: float = 0, silent_s: float = 0, away_s: float | None = None
) -> Wait:
    away_s = quiet_s if away_s is None else away_s
    return Wait("ws_reader-0", had_data=had_data, quiet_s=quiet_s, silent_s=silent_s, away_s=away_s)


KNOWN = Discovered(age_s=1)
EMPTY = Discovered(age_s=1, confirmed_empty=True)


def health(
    state: State,
    waits: Sequence[Wait],
    problems: Sequence[Problem] = (),
    discovered: Discovered = KNOWN,
) -> Verdict:
    return judge_health(state, waits, problems, discovered)


def readiness(
    state: State,
    *,
    market_messages: int,
    problems: Sequence[Problem] = (),
    discovered: Discovered = KNOWN,
) -> Verdict:
    return judge_readiness(state, market_messages=market_messages, problems=problems, discovered=discovered)


@pytest.mark.parametrize(
    ("state", "had_data", "last_good_s"),
    [
        ("STARTING", False, 50),
        ("STARTING", True, 50),
        ("RUNNING_RECONNECTING", False, 50),
        ("RUNNING_RECONNECTING", True, 50),
    ],
)
def test_waiting_is_right_for_a_while_only(state: State, *, had_data: bool, last_good_s: float) -> None:
    assert health(state, [wait(had_data=had_data, quiet_s=last_good_s)]).ok
    verdict = health(state, [wait(), wait(had_data=had_data, quiet_s=last_good_s + 1)])
    assert not verdict.ok
    assert verdict.reason == f"ws_reader-0 has had no market data for {last_good_s + 1} s"


def test_receiving_is_well_for_ever() -> None:
    assert health("RUNNING_RECEIVING", [wait()]).ok
    assert readiness("RUNNING_RECEIVING", market_messages=1).ok


@pytest.mark.parametrize(
    ("discovered", "ok"),
    [
        (EMPTY, True),
        (Discovered(age_s=239, confirmed_empty=True), True),
        (Discovered(age_s=1, all_settled=True), True),
        (Discovered(age_s=241, confirmed_empty=True), False),
        (Discovered(age_s=241, all_settled=True), False),
        (Discovered(age_s=301, refresh_s=100, confirmed_empty=True), True),
        (Discovered(age_s=1), False),
        (Discovered(), False),
    ],
)
def test_recording_nothing_is_well_only_where_the_exchange_has_lately_confirmed_it(
    discovered: Discovered, *, ok: bool
) -> None:
    state: State = "RUNNING_NO_ACTIVE_TOKENS"
    verdict = health(state, [wait()], discovered=discovered)
    assert verdict.ok is ok
    assert readiness(state, market_messages=1, discovered=discovered).ok is ok
    words = "the exchange has confirmed that there is no market to record now"
    assert ok is (verdict.reason == words)
    if not ok:
        assert "the exchange has not confirmed that there is nothing" in verdict.reason


def test_a_quiet_session_that_is_replaced_within_seconds_is_no_alarm() -> None:
    assert health("RUNNING_RECONNECTING", [wait(quiet_s=65, away_s=9)]).ok
    assert not health("RUNNING_RECONNECTING", [wait(quiet_s=65, away_s=11)]).ok


def test_alive_is_who_speaks_whatever_the_exchange_does() -> None:
    assert judge_liveness({"supervisor": 1, "ws_reader-0": 89}).ok
    verdict = judge_liveness({"supervisor": 1, "ws_reader-0": 91})
    assert (verdict.ok, verdict.reason) == (False, "ws_reader-0 has said nothing for 91 s")


@pytest.mark.parametrize("state", ["STOPPING", "STOPPED", "FAILED"])
def test_a_recorder_that_ends_is_neither_well_nor_ready_and_says_so(state: State) -> None:
    assert health(state, [wait()]).reason == f"the recorder is {state}"
    assert not health(state, []).ok
    assert not readiness(state, market_messages=1).ok


def test_a_reader_that_hangs_is_found_although_its_last_word_was_good() -> None:
    assert health("RUNNING_RECEIVING", [wait(silent_s=30)]).ok
    verdict = health("RUNNING_RECEIVING", [wait(silent_s=31)])
    assert (verdict.ok, verdict.reason) == (False, "ws_reader-0 has said nothing for 31 s")


def test_a_supervisor_that_hangs_is_found_although_all_others_work() -> None:
    verdict = judge_health("RUNNING_RECEIVING", [wait()], (), KNOWN, supervisor_silent_s=48.0)
    assert verdict == Verdict(ok=False, reason="the supervisor has said nothing for 48 s")
    assert judge_health("RUNNING_RECEIVING", [wait()], (), KNOWN, supervisor_silent_s=5.0).ok


def test_who_was_stopped_itself_calls_nobody_silent_for_that_time() -> None:
    patience = Patience(0)
    assert patience.silent_s(10 * S, 70 * S) == 60
    patience.paused(55 * S, 68 * S)
    assert patience.silent_s(10 * S, 70 * S) == 2


def test_a_recorder_is_ready_from_its_first_market_message_or_with_nothing_to_record() -> None:
    assert not readiness("STARTING", market_messages=0).ok
    assert not readiness("RUNNING_RECEIVING", market_messages=0).ok
    assert readiness("RUNNING_RECEIVING", market_messages=1).ok
    assert readiness("RUNNING_RECONNECTING", market_messages=1).ok
    assert readiness("RUNNING_NO_ACTIVE_TOKENS", market_messages=0, discovered=EMPTY).ok


def test_without_any_reader_the_wait_counts_from_the_beginning() -> None:
    [waited] = Patience(10 * S).note({}, 75 * S)
    assert (waited.had_data, waited.quiet_s) == (False, 65)


def test_a_wait_counts_from_the_newest_data_and_not_from_the_reconnect() -> None:
    patience = Patience(0)
    assert patience.note({"r": word("receiving", data_at=1)}, 10 * S)[0].quiet_s == 0
    assert patience.note({"r": word("receiving", data_at=1)}, 40 * S)[0].quiet_s == 0
    [waited] = patience.note({"r": word("reconnecting", data_at=1, said_s=69)}, 70 * S)
    assert (waited.had_data, waited.quiet_s, waited.silent_s, waited.away_s) == (True, 60, 1, 30)
    assert patience.note({"r": word("waiting_for_data", data_at=1)}, 80 * S)[0].quiet_s == 70
    assert patience.note({"r": word("waiting_for_data", data_at=2)}, 81 * S)[0].quiet_s == 0


def test_a_reader_that_dies_again_and_again_does_not_begin_its_wait_anew() -> None:
    patience = Patience(0)
    patience.note({"r": word("receiving", data_at=1)}, 10 * S)
    for second in (20, 30, 40):
        [waited] = patience.note({"r": word("connecting", data_at=0)}, second * S)
        assert (waited.had_data, waited.quiet_s) == (True, second - 10)


def test_who_was_stopped_itself_blames_no_reader_for_that_time() -> None:
    patience = Patience(0)
    words = {"r": word("reconnecting", data_at=1, said_s=20)}
    patience.note(words, 10 * S)
    patience.note(words, 20 * S)
    patience.paused(200 * S, 220 * S)
    [waited] = patience.note(words, 221 * S)
    assert (waited.quiet_s, waited.silent_s) == (11, 1)
    [waited] = patience.note(words, 260 * S)
    assert waited.silent_s == 40, "it goes on being silent"


def test_time_without_tokens_is_no_waiting() -> None:
    patience = Patience(0)
    patience.note({"r": word("no_tokens")}, 900 * S)
    assert patience.note({"r": word("connecting")}, 910 * S)[0].quiet_s == 10


def test_one_reader_that_waits_is_not_hidden_by_another_that_receives() -> None:
    patience = Patience(0)
    words = {"a": word("receiving", data_at=9, said_s=61), "b": word("reconnecting", said_s=61)}
    waits = patience.note(words, 61 * S)
    assert [waited.quiet_s for waited in waits] == [0, 61]
    assert health("RUNNING_RECONNECTING", waits).reason == "b has had no market data for 61 s"


def test_where_all_is_well_nothing_is_warned_of() -> None:
    assert warnings(Upload(), DiskOutlook()) == ()
    busy = Upload(enabled=True, state="uploading", backlog_files=9, backlog_age_seconds=60, last_error="old")
    assert warnings(busy, DiskOutlook(10**9, 10**10, 10.0, 10**8)) == ()


def test_all_that_an_operator_should_see_to_is_warned_of_the_alarms_first() -> None:
    upload = Upload(
        backlog_files=1234,
        backlog_bytes=5 * 2**30,
        backlog_age_seconds=7500,
        behind=True,
        failing=True,
        last_error="remote is away",
        alarms=("an archive differs",),
    )
    assert warnings(upload, DiskOutlook(3600 * 1024, 10**10, 1024.0, 3600)) == (
        "upload alarm: an archive differs",
        "upload is behind: 1,234 archives (5.0 GiB) wait, the oldest for 2 h 5 min",
        "upload fails: remote is away",
        "disk full in 1 h 0 min at 1.0 KiB/s",
    )


def test_of_many_alarms_three_are_told_and_the_others_counted() -> None:
    alarms = ("a", "b", "c", "d", "e")
    first = tuple(f"upload alarm: {alarm}" for alarm in "abc")
    assert warnings(Upload(alarms=alarms[:3]), DiskOutlook()) == first
    assert warnings(Upload(alarms=alarms), DiskOutlook()) == (*first, "2 more upload alarms")


def test_a_full_disk_is_warned_of_and_one_that_lasts_a_day_is_not() -> None:
    assert warnings(Upload(), DiskOutlook(0, 10**9, None, 0)) == ("disk full",)
    assert warnings(Upload(), DiskOutlook(86_400, 10**9, 1.0, 86_400)) == ()


def test_a_problem_makes_a_receiving_recorder_unwell_and_says_why() -> None:
    problems = [Problem("rest_failing", f"reason {number}", "2026-01-01T00:00:00Z") for number in range(4)]
    verdict = health("RUNNING_RECEIVING", [wait()], problems)
    assert (verdict.ok, verdict.reason) == (False, "reason 0; reason 1; reason 2")
    assert readiness("RUNNING_RECEIVING", market_messages=1, problems=problems).ok
    assert not readiness("RUNNING_NO_ACTIVE_TOKENS", market_messages=1, problems=problems).ok
