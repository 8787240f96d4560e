"""Archives of two lanes and several windows are read as one recording."""

from pathlib import Path

from common.archive.replay import read_archive, replay
from common.benchmark.books import record
from common.benchmark.frames import make_load
from common.core.archive_names import sidecar_path
from common.core.book_audit import BookAudit, Heard
from common.core.checkpoint_book import same_levels
from common.core.event_reader import read_events
from common.core.rows import GAP, SESSION_CLOSED
from tests.archive.recordings import archive, good_recording
from tests.benchmark.test_figures import tokens_of


def test_messages_come_in_the_order_of_their_numbers_and_life_cycle_rows_where_they_happened(
    tmp_path: Path,
) -> None:
    good_recording(tmp_path)
    rows = list(read_archive(tmp_path))
    numbers = [row.global_message_sequence for row in rows if row.global_message_sequence]
    assert numbers == [*range(1, 81), *range(84, 91)]
    times = [row.received_monotonic_ns for row in rows]
    assert times == sorted(times)
    assert [row.record_type for row in rows].index(SESSION_CLOSED) == 72
    assert rows[-1].record_type == SESSION_CLOSED


def test_an_archive_that_lost_its_sidecar_is_read_in_the_same_order(tmp_path: Path) -> None:
    good_recording(tmp_path)
    before = list(read_archive(tmp_path))
    Path(sidecar_path(str(archive(tmp_path, 1)))).unlink()
    assert list(read_archive(tmp_path)) == before


def test_since_and_until_bound_the_receive_time(tmp_path: Path) -> None:
    good_recording(tmp_path)
    times = [row.received_at_ns for row in read_archive(tmp_path)]
    since, until = times[20], times[60]
    bounded = [row.received_at_ns for row in read_archive(tmp_path, since=since, until=until)]
    assert bounded == [at for at in times if since <= at < until]


def test_sessions_gaps_and_missing_messages_void_the_books(tmp_path: Path) -> None:
    good_recording(tmp_path)
    broken = [
        (step.row.record_type, step.broken.reason) for step in replay(read_archive(tmp_path)) if step.broken
    ]
    assert (GAP, "a gap: spool_full") in broken
    assert ("message", "messages are missing") in broken
    assert [reason for _, reason in broken].count("a new session") == 2


def test_the_books_of_a_replay_are_those_of_the_live_auditor_and_bear_the_exchanges_hashes(
    tmp_path: Path,
) -> None:
    now_s = 1_795_000_000
    tokens = tokens_of(now_s)
    load = make_load(tokens, now_s * 1000, count=400, protocols="v1")
    record(tmp_path, tokens, load)
    live = BookAudit()
    steps = replay(read_archive(tmp_path))
    step = next(steps)
    assert step.row.record_type == "session_opened"
    for number, payload in enumerate((load.opening, *load.circle), start=1):
        events = read_events(payload)
        live.message(Heard("r", "s", number, now_s * 10**9), events)
        for _ in events:
            step = next(steps)
        for token in tokens:
            replayed, audited = step.books.by_token[token.token_id], live.book(token.token_id)
            assert audited is not None
            assert same_levels(replayed, audited)
            assert (replayed.timestamp_ms, replayed.hash) == (audited.timestamp_ms, audited.hash)
    verdicts = {judged.result.verdict for judged in live.take_results()}
    assert verdicts == {"agree"}
    assert next(steps, None) is None
