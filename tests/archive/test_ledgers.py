"""Ledgers of recordings: what a window holds, what came later, and what verification says of an altered one."""

import json
from pathlib import Path

import pytest

from common.archive.hour_folders import archives_since
from common.archive.hours import hour_archive, note_closed
from common.archive.ledger import compute_ledgers, stored_ledgers, windows_due, write_ledger
from common.archive.verify.data_root import Verification
from common.core.instants import utc_text
from common.core.ledger.document import CheckpointLedger, FeedLedger, TokenHour, Window
from common.core.ledger.later import Later
from common.core.market import Exchange, Token
from common.core.rows.names import REST_CHECKPOINTS, WS_RAW, ledger_path
from common.core.rows.websocket import GAP, SUBSCRIPTION_CHANGED
from tests.archive.recordings import DOWN, NEXT, SECOND_NS, UP, Recorder, good_recording, told, verified
from tests.archive.rows import NOON_NS

MINUTE_NS = 60 * SECOND_NS


def ledgers(root: Path) -> list[FeedLedger]:
    """Compute and store the ledgers of every window that is over; those of the websocket stream."""
    archives = [each for path in archives_since(root, 0) if (each := hour_archive(path)) is not None]
    later = Later()
    for archive in archives:
        note_closed(later, archive)
    found = []
    starts = [archive.window_start_ns for archive in archives]
    for window in windows_due(
        starts, (), interval_ns=MINUTE_NS, until_ns=1 << 62, has_left=lambda _start: False
    ):
        mine = [archive for archive in archives if archive.window_start_ns == window.from_ns]
        computed = compute_ledgers(window, mine, later)
        for ledger in computed.values():
            assert write_ledger(root, window, ledger)
        feed, checkpoints = computed[WS_RAW], computed[REST_CHECKPOINTS]
        assert isinstance(feed, FeedLedger)
        assert isinstance(checkpoints, CheckpointLedger)
        assert checkpoints.condition == "missing"
        found.append(feed)
    return found


def token(ledger: FeedLedger, token_id: str) -> TokenHour:
    return next(each for each in ledger.tokens if each.token_id == token_id)


def test_a_window_accounts_for_gaps_and_messages_of_every_token(tmp_path: Path) -> None:
    good_recording(tmp_path)
    first, second = ledgers(tmp_path)
    assert (first.condition, first.connected_seconds, first.messages) == ("complete", 60.0, 59)
    up, late = token(first, UP.token_id), token(first, NEXT.token_id)
    assert (up.connected_seconds, up.messages, up.first_book_seconds) == (60.0, 50, 1.0)
    assert (late.connected_seconds, late.condition) == (10.0, "complete")
    assert (second.condition, second.sessions, second.messages) == ("gap", 2, 28)
    assert [gap.cause for gap in second.gaps] == ["cut", "spool_full"]
    assert token(second, DOWN.token_id).gap_seconds == 8.0
    assert second.unaccounted_seconds == 25.0


def test_a_session_that_goes_on_lasts_to_the_windows_end_and_one_that_does_not_to_its_last_row(
    tmp_path: Path,
) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(20)
    recorder.at_ns = NOON_NS + MINUTE_NS + SECOND_NS
    recorder.messages(9)
    recorder.end()
    first, second = ledgers(tmp_path)
    assert (first.connected_seconds, first.condition) == (60.0, "complete")
    assert (second.connected_seconds, second.unaccounted_seconds, second.condition) == (10.0, 50.0, "gap")
    assert token(second, UP.token_id).condition == "gap"


def test_a_close_that_speaks_of_settled_windows_is_a_gap_for_those_that_trade(tmp_path: Path) -> None:
    over = Token("btc-updown-5m-0", "0xover", "9", "Up", utc_text(NOON_NS))
    recorder = Recorder(tmp_path)
    recorder.open(UP, over)
    recorder.messages(20)
    reason = "all_subscribed_assets_resolved"
    ended_ns = recorder.close_session(reason)
    recorder.at_ns += 5 * SECOND_NS
    recorder.open(UP, over)
    recorder.control(
        GAP, {"cause": reason, "from_utc": utc_text(ended_ns), "to_utc": utc_text(recorder.at_ns)}
    )
    recorder.messages(40)
    recorder.end()
    [first, *_] = ledgers(tmp_path)
    assert (token(first, UP.token_id).condition, token(first, UP.token_id).gap_seconds) == ("gap", 5.0)
    assert token(first, over.token_id).gap_seconds == 0
    assert first.condition == "gap"


def test_a_dead_readers_gap_counts_in_the_window_of_its_death(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(20)
    died_ns = recorder.at_ns
    recorder.at_ns = NOON_NS + 3 * MINUTE_NS + SECOND_NS
    recorder.close_session("reader_died")
    recorder.open(UP, gap_from_ns=died_ns)
    recorder.messages(1)
    recorder.close_session()
    recorder.end()
    found = ledgers(tmp_path)
    assert [each.condition for each in found] == ["gap", "missing", "missing", "gap"]
    assert [each.connected_seconds for each in found] == [20.0, 0.0, 0.0, 1.0]
    assert [each.unaccounted_seconds for each in found] == [0.0, 0.0, 0.0, 58.0]
    assert told(tmp_path) == []


def test_silence_and_a_missing_opening_book_are_told(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP, DOWN)
    recorder.messages(45)
    recorder.close_session()
    recorder.end()
    [hour] = ledgers(tmp_path)
    assert token(hour, DOWN.token_id).books_missing == 1
    assert token(hour, DOWN.token_id).first_book_seconds is None
    assert token(hour, UP.token_id).books_missing == 0


def over_the_edge(root: Path, *, asked_s: int, book_s: int, told_by_reader: bool = True) -> list[FeedLedger]:
    """A session of two windows and the begin of a third, whose second token gets its book at `book_s`; 0: never.

    It is subscribed at `asked_s`. As the reader does, a row says at each turn which tokens still await their book.
    """
    recorder = Recorder(root)
    recorder.open(UP)
    for second in range(130):
        if second == asked_s:
            recorder.change(UP, DOWN)
        if second in {60, 120}:
            waits = told_by_reader and (not book_s or book_s > second)
            since = {"token_id": DOWN.token_id, "since_utc": utc_text(NOON_NS + asked_s * SECOND_NS)}
            detail = {"subscribed": [], "unsubscribed": [], "reason": "window_opened"}
            recorder.control(SUBSCRIPTION_CHANGED, detail | ({"awaiting_books": [since]} if waits else {}))
        recorder.messages(1, DOWN if book_s == second + 1 else UP)
    recorder.close_session("no_active_tokens")
    recorder.end()
    found = ledgers(root)
    assert told(root) == []
    return found


@pytest.mark.parametrize(
    ("asked_s", "book_s", "missing"),
    [
        (40, 0, [0, 1, 0]),
        (40, 65, [0, 0, 0]),
        (40, 70, [0, 0, 0]),
        (40, 71, [0, 1, 0]),
        (40, 125, [0, 1, 0]),
        (20, 0, [1, 0, 0]),
        (20, 70, [1, 0, 0]),
        (95, 0, [0, 0, 1]),
        (20, 45, [0, 0, 0]),
    ],
)
def test_an_opening_book_that_stays_away_over_the_edge_counts_once_in_the_window_in_which_that_is_found(
    tmp_path: Path, asked_s: int, book_s: int, missing: list[int]
) -> None:
    found = over_the_edge(tmp_path, asked_s=asked_s, book_s=book_s)
    of_down = [[each for each in ledger.tokens if each.token_id == DOWN.token_id] for ledger in found]
    assert [sum(each.books_missing for each in tokens) for tokens in of_down] == missing
    assert [any(each.condition == "degraded" for each in tokens) for tokens in of_down] == list(
        map(bool, missing)
    )
    waits = [each.first_book_seconds for tokens in of_down for each in tokens if each.first_book_seconds]
    assert waits == ([book_s - asked_s] if book_s else [])


def test_rows_that_do_not_tell_of_awaited_books_give_the_same_ledgers_as_ever(tmp_path: Path) -> None:
    found = over_the_edge(tmp_path, asked_s=40, book_s=0, told_by_reader=False)
    down = [token(ledger, DOWN.token_id) for ledger in found]
    assert [each.books_missing for each in down] == [0, 0, 0]


def altered(root: Path, start_ns: int, **values: object) -> Verification:
    path = root / ledger_path(WS_RAW, start_ns)
    path.write_text(json.dumps(json.loads(path.read_bytes()) | values))
    return verified(root)


def test_verification_recomputes_every_ledger_and_finds_the_altered_one(tmp_path: Path) -> None:
    good_recording(tmp_path)
    ledgers(tmp_path)
    clean = verified(tmp_path)
    assert clean.findings == ()
    assert [hour.compared for hour in clean.hours] == [True] * 4
    [finding] = altered(tmp_path, NOON_NS, condition="gap").findings
    assert finding.where == ledger_path(WS_RAW, NOON_NS)
    assert finding.words == 'says condition "gap", its archives give "complete"'
    stored_ledgers(tmp_path, WS_RAW)[NOON_NS].write_text("{")
    assert told(tmp_path)[0].startswith("ledger: cannot be read")


def test_a_ledger_that_is_missing_before_a_later_one_is_a_finding(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(150)
    recorder.close_session()
    recorder.end()
    assert len(ledgers(tmp_path)) == 3
    stored_ledgers(tmp_path, WS_RAW)[NOON_NS + MINUTE_NS].unlink()
    assert told(tmp_path) == ["ledger: is missing, though a later hour has its ledger"]
    assert told(tmp_path, partial=True) == []


def test_a_spoiled_archive_is_reported_as_that_and_its_ledger_not_compared(tmp_path: Path) -> None:
    good_recording(tmp_path)
    ledgers(tmp_path)
    path = archives_since(tmp_path, 0)[0]
    path.write_bytes(path.read_bytes()[:-9])
    found = verified(tmp_path)
    assert not [finding for finding in found.findings if finding.kind == "ledger"]
    assert "2 ledgers were not compared: an archive of their hour has findings" in found.notes


def test_a_ledger_is_not_compared_where_the_other_streams_archives_have_left(tmp_path: Path) -> None:
    good_recording(tmp_path)
    ledgers(tmp_path)
    left = {"name": "polymarket_rest_checkpoints_left.jsonl.gz", "rows": 3, "sha256": "0" * 64}
    checkpoints = stored_ledgers(tmp_path, REST_CHECKPOINTS)[NOON_NS]
    checkpoints.write_text(json.dumps(json.loads(checkpoints.read_bytes()) | {"archives": [left]}))
    found = altered(tmp_path, NOON_NS, checks_passed=406)  # which no book of the stream alone gives
    assert found.findings == ()
    assert "2 ledgers were not compared: an archive of their hour is not here" in found.notes


def test_a_ledger_is_written_once(tmp_path: Path) -> None:
    good_recording(tmp_path)
    [first, _] = ledgers(tmp_path)
    assert not write_ledger(tmp_path, Window(NOON_NS, NOON_NS + MINUTE_NS), first)


@pytest.mark.parametrize(
    ("starts", "ledgered", "due"),
    [
        ([0, 1], [], [0]),
        ([0, 1, 4], [0], [1, 2, 3]),
        ([0, 1, 2], [0, 1], []),
        ([5], [2], [3, 4]),
        ([2000, 2001], [1], [2000]),
        (list(range(100)), [], list(range(52, 99))),
    ],
)
def test_windows_want_a_ledger_in_the_order_of_time_also_those_without_data(
    starts: list[int], ledgered: list[int], due: list[int]
) -> None:
    until = (max(starts)) * 10
    found = windows_due(
        [start * 10 for start in starts],
        [start * 10 for start in ledgered],
        interval_ns=10,
        until_ns=until,
        has_left=lambda _start: False,
    )
    assert [window.from_ns // 10 for window in found] == due


def test_a_window_of_which_archives_have_left_gets_no_ledger_that_would_call_them_missing() -> None:
    found = windows_due([10, 40], [0], interval_ns=10, until_ns=60, has_left=lambda start: start in {20, 40})
    assert [window.from_ns for window in found] == [10, 30]


def test_a_gap_of_single_tokens_is_theirs_alone_and_verification_agrees(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP, DOWN)
    recorder.messages(20)
    left_ns = recorder.at_ns
    recorder.change(UP)
    recorder.messages(30)
    recorder.change(UP, DOWN)
    recorder.gap_of([DOWN], "not_subscribed", left_ns)
    recorder.messages(5)
    recorder.close_session("no_active_tokens")
    recorder.end()
    [hour] = ledgers(tmp_path)
    down, up = token(hour, DOWN.token_id), token(hour, UP.token_id)
    assert (down.condition, down.gap_seconds, down.connected_seconds) == ("gap", 30.0, 25.0)
    assert [gap.cause for gap in down.gaps] == ["not_subscribed"]
    assert (up.condition, up.gap_seconds, up.connected_seconds) == ("complete", 0.0, 55.0)
    assert (hour.condition, hour.connected_seconds) == ("gap", 55.0)
    assert told(tmp_path) == []


def test_a_gap_of_single_tokens_that_reaches_back_counts_in_the_window_before(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP, DOWN)
    recorder.messages(20)
    left_ns = recorder.at_ns
    recorder.change(UP)
    recorder.messages(50)
    recorder.gap_of([DOWN], "not_subscribed", left_ns)
    recorder.close_session()
    recorder.end()
    first, second = ledgers(tmp_path)
    assert token(first, DOWN.token_id).gap_seconds == 40.0
    assert token(first, UP.token_id).condition == "complete"
    assert token(second, DOWN.token_id).condition == "missing"
    assert told(tmp_path) == []


def test_a_pause_of_one_token_is_not_excused_by_a_gap_of_another(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP, DOWN)
    recorder.messages(5)
    left_ns = recorder.at_ns
    recorder.change(UP)
    recorder.messages(5)
    recorder.gap_of([UP], "not_subscribed", left_ns)
    recorder.change(UP, DOWN)
    recorder.messages(5)
    recorder.close_session()
    recorder.end()
    assert [words for words in told(tmp_path) if "in no session and in no declared gap" in words]


def test_a_window_that_was_due_and_not_recorded_has_its_entry_and_the_hour_is_no_better_than_gap(
    tmp_path: Path,
) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(20)
    due = {"market_slug": "btc-updown-15m-1", "reason": "Gamma does not list it"}
    recorder.gap_of([], "window_not_recorded", NOON_NS + 5 * SECOND_NS, **due)
    recorder.messages(30)
    recorder.close_session("no_active_tokens")
    recorder.end()
    [hour] = ledgers(tmp_path)
    [entry] = hour.not_recorded
    assert (entry.market_slug, entry.reason) == ("btc-updown-15m-1", "Gamma does not list it")
    assert (entry.from_utc, entry.to_utc) == (
        utc_text(NOON_NS + 5 * SECOND_NS),
        utc_text(NOON_NS + 20 * SECOND_NS),
    )
    assert hour.condition == "gap"
    assert (token(hour, UP.token_id).condition, hour.connected_seconds) == ("complete", 50.0)


def recorded_of(root: Path, exchange: Exchange) -> None:
    recorder = Recorder(root, exchange=exchange)
    recorder.open(UP)
    recorder.messages(70)
    recorder.close_session()
    recorder.end()


def test_a_ledger_states_the_exchange_of_its_rows_and_verification_compares_it(tmp_path: Path) -> None:
    recorded_of(tmp_path, "simulated")
    assert [ledger.exchange for ledger in ledgers(tmp_path)] == ["simulated", "simulated"]
    assert verified(tmp_path).findings == ()
    path = tmp_path / ledger_path(WS_RAW, NOON_NS)
    path.write_text(path.read_text().replace('"exchange": "simulated"', '"exchange": "live"'))
    assert told(tmp_path) == ['ledger: says exchange "live", its archives give "simulated"']


def test_a_ledger_of_an_older_version_does_not_state_it_and_is_no_finding(tmp_path: Path) -> None:
    recorded_of(tmp_path, "live")
    ledgers(tmp_path)
    path = tmp_path / ledger_path(WS_RAW, NOON_NS)
    older = json.loads(path.read_bytes())
    del older["exchange"]
    path.write_text(json.dumps(older))
    assert told(tmp_path) == []


def test_a_ledger_that_an_earlier_version_wrote_is_a_note_and_no_finding(tmp_path: Path) -> None:
    recorded_of(tmp_path, "live")
    ledgers(tmp_path)
    path = tmp_path / ledger_path(WS_RAW, NOON_NS)
    older = json.loads(path.read_bytes()) | {"schema_version": 1}
    del older["unusable"], older["wrong_batches"]
    path.write_text(json.dumps(older))
    found = verified(tmp_path)
    assert found.findings == ()
    assert any("an earlier version of this program wrote them" in note for note in found.notes)
    path.write_text(json.dumps(older | {"schema_version": 99}))
    [words] = told(tmp_path)
    assert "its schema_version is 99, as " in words
